"""Train an acoustic model; ``train`` reads from top to bottom.

Everything random depends on the seed and the step alone, so a run that was interrupted and resumed ends with the same
weights, bit for bit, as one that was not.
"""

import hashlib
import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from nuanced_speech.core.device import find_device
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.precision import autocast, choose
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.train import checkpoint
from nuanced_speech.tts import vocoders
from nuanced_speech.tts.acoustic import weights
from nuanced_speech.tts.acoustic.board import AcousticBoard
from nuanced_speech.tts.acoustic.data import Item, batches, collate, read, split
from nuanced_speech.tts.acoustic.interface import AcousticModel

CHECKPOINT, BEST, LAST = "checkpoint.pt", "best.safetensors", "last.safetensors"
WARMUP, LAST_RATE = 200, 0.02
# An evaluation an epoch, but not more often than every so many steps.
EVALUATE = 50
PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class TrainConfig:
    """What to train on, how long, and where to put it.

    Attributes:
        model: ``etts`` or ``tacotron2``.
        data: folder of ``.npz`` files of the ETTS format.
        out: folder of checkpoint, best weights and TensorBoard.
        settings: of the model's configuration, where they differ from its defaults.
        steps: of the optimiser; the learning rate falls over them.
        epochs: in place of steps.
        batch_size: utterances in a step.
        lr: highest learning rate.
        patience: evaluations without a better one after which the training stops.
        minutes: after which it stops with a checkpoint and its last weights; None for no limit.
        precision: float32, bfloat16, float16 (CUDA), or auto: float16 on CUDA, else float32.
        evaluate: steps between evaluations; None for an epoch.
        trim: leave out the silence at the ends of utterances.
        vocoder: of what TensorBoard plays.
        resume: go on from the checkpoint in ``out``.
        start_from: weights to begin with instead of random ones, to be fine-tuned.
    """

    model: str
    data: Path
    out: Path
    settings: dict[str, Any] = field(default_factory=dict)
    steps: int = 4000
    epochs: int | None = None
    batch_size: int = 8
    lr: float = 1e-3
    seed: int = 0
    device: str = "auto"
    patience: int = 20
    minutes: float | None = None
    precision: str = "auto"
    evaluate: int | None = None
    trim: bool = False
    vocoder: str = "griffin-lim"
    resume: bool = False
    start_from: Path | None = None


def train(config: TrainConfig) -> Path:
    """Train, and return the file of the best weights.

    Raises:
        UserError: a setting that cannot work, data that cannot be learned from, or an earlier run in the way.
    """
    began = time.monotonic()
    check(config)
    device = find_device(config.device)
    torch.manual_seed(config.seed)
    model = weights.build(config.model, config.settings)
    if config.start_from:
        weights.adopt(model, config.start_from)
    items = read(config.data, model.needs_durations, model.needs_pitch, config.trim)
    learned, held_out = split(items)
    if not config.start_from:
        # weights that are there already expect the scale that they were trained with
        model.calibrate(torch.cat([item.mel for item in learned]))
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), config.lr, betas=(0.9, 0.98), eps=1e-8, weight_decay=1e-3)
    precision = _precision(config.precision, device)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == torch.float16)
    per_epoch = math.ceil(len(learned) / config.batch_size)
    steps = config.epochs * per_epoch if config.epochs else config.steps
    every = config.evaluate or max(per_epoch, EVALUATE)

    state_path, best_path = config.out / CHECKPOINT, config.out / BEST
    settings = identity(config, model, items)
    step, best, stale = 0, math.inf, 0
    precisions = checkpoint.precisions_with({}, 0, precision)
    if config.resume:
        state = checkpoint.load(state_path)
        checkpoint.check_same(state_path, state["settings"], settings)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        scaler.load_state_dict(state["scaler"])
        step, best, stale = state["step"], state["best"], state["stale"]
        precisions = checkpoint.precisions_with(state, step, precision)

    def save_state() -> None:
        checkpoint.save(
            state_path,
            {
                "settings": settings, "step": step, "best": best, "stale": stale, "model": model.state_dict(),
                "optimizer": optimizer.state_dict(), "scaler": scaler.state_dict(), "precisions": precisions,
            },
        )  # fmt: skip

    def save_last(figures: dict[str, float], *paths: Path) -> None:
        about = {"step": str(step), **{name: f"{value:.4f}" for name, value in figures.items()}}
        for path in (*paths, config.out / LAST):
            weights.save(path, model, **about)

    config.out.mkdir(parents=True, exist_ok=True)
    board = AcousticBoard(config.out / "tensorboard", step)
    vocoder = vocoders.load(config.vocoder)
    hours = sum(len(item.mel) for item in learned) * 256 / 22050 / 3600
    print(
        f"{config.model}, {sum(p.numel() for p in model.parameters()) / 1e6:.1f} million parameters;"
        f" {len(learned)} utterances ({hours:.2f} h) to learn from, {len(held_out)} held out;"
        f" {steps} steps of {config.batch_size}, an evaluation every {every}, on {device} in {precision}".replace(
            "torch.", ""
        )
    )
    if config.start_from:
        # what it could do before is what is to be beaten
        figures, _, _ = evaluate(model, held_out, config.batch_size, device, precision)
        best = figures["total"]
        save_last(figures, best_path)
        save_state()
        print(f"before: {described(figures)}")
    bar = tqdm(total=steps, initial=step, desc="training", unit="step")
    while step < steps and stale < config.patience:
        if config.minutes and time.monotonic() - began > 60 * config.minutes:
            save_state()
            # into the last weights only: what is best is decided where it is without an interruption
            figures, _, _ = evaluate(model, held_out, config.batch_size, device, precision)
            save_last(figures)
            tqdm.write(
                f"{config.minutes:g} minutes are over after step {step}: {described(figures)}; go on with --resume"
            )
            break
        epoch, place = divmod(step, per_epoch)
        if place == 0 or step == bar.initial:
            order = batches(learned, config.batch_size, config.seed, epoch)
        batch = collate([learned[k] for k in order[place]]).to(device)

        # One step down the gradient.
        torch.manual_seed(config.seed * 1_000_003 + step)
        rate = learning_rate(step, steps, config.lr)
        for group in optimizer.param_groups:
            group["lr"] = rate
        model.train()
        with autocast(device, precision):
            loss = model.loss(batch, step / steps)
        optimizer.zero_grad()
        scaler.scale(loss.total).backward()
        scaler.unscale_(optimizer)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if not bool(norm.isfinite()) and not scaler.is_enabled():
            raise UserError(f"the loss is not a number any more at step {step}: train with a smaller --lr")
        scaler.step(optimizer)
        scaler.update()
        step += 1
        bar.update()
        if step % 10 == 0 or step == 1:
            figures = {name: float(value.detach()) for name, value in loss.parts.items()}
            total = float(loss.total.detach())
            board.scalars("train", figures | {"total": total, "gradient": float(norm), "learning_rate": rate}, step)
            bar.set_postfix(loss=f"{total:.3f}", refresh=False)

        # How well does it do on what it never learned from?
        if step % every == 0 or step == steps:
            figures, shown, item = evaluate(model, held_out, config.batch_size, device, precision)
            board.scalars("held out", figures, step)
            board.mels(shown.mel, item.mel, step)
            board.sound("predicted", shown.mel, vocoder, step)
            if shown.alignment is not None:
                board.alignment(shown.alignment, step)
            better = figures["total"] < best
            best, stale = (figures["total"], 0) if better else (best, stale + 1)
            # of a set so small that it is learned by heart, the last weights say it better than the best
            save_last(figures, *[best_path] * better)
            tqdm.write(f"step {step}: {described(figures)}{' (best)' if better else ''}")
            save_state()
    bar.close()
    if stale >= config.patience:
        print(f"no better for {stale} evaluations: stopped at step {step}")
    board.close()
    if not best_path.is_file():
        weights.save(best_path, model, step=str(step))
    print(f"weights: {best_path}; {(time.monotonic() - began) / 60:.1f} min")
    return best_path


def described(figures: dict[str, float]) -> str:
    """Losses, for the terminal."""
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items())


@dataclass
class Shown:
    """A mel ``[frames, 80]`` and an alignment ``[steps, T]``, to look at."""

    mel: torch.Tensor
    alignment: torch.Tensor | None


@torch.no_grad()
def evaluate(
    model: AcousticModel, items: list[Item], size: int, device: torch.device, precision: torch.dtype
) -> tuple[dict[str, float], Shown, Item]:
    """Mean losses on held-out utterances, and what is predicted of the first (with true durations or frames)."""
    model.eval()
    torch.manual_seed(0)
    sums: dict[str, float] = {}
    shown = None
    for start in range(0, len(items), size):
        group = items[start : start + size]
        with autocast(device, precision):
            # as at the end of the training, so that losses of all times compare
            loss = model.loss(collate(group).to(device), 1.0)
        for name, value in {"total": loss.total, **loss.parts}.items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(group) / len(items)
        if shown is None:
            item = group[0]
            found = None
            if loss.alignment is not None:
                frames = loss.alignment.shape[1] * len(item.mel) // max(len(i.mel) for i in group)
                found = loss.alignment[0, :frames, : len(item.phonemes)].float().cpu()
            shown = Shown(loss.mel[0, : len(item.mel)].float().cpu(), found)
    assert shown is not None
    return sums, shown, items[0]


def learning_rate(step: int, steps: int, peak: float) -> float:
    """A short rise, then half a cosine down to 2 % of the peak."""
    warmup = min(WARMUP, steps // 10 + 1)
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(steps - warmup, 1)
    return peak * (LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * min(share, 1.0))) / 2)


def check(config: TrainConfig) -> None:
    """Refuse what cannot work, and what would overwrite an earlier run.

    Raises:
        UserError: names the option and what to give instead.
    """
    if config.model not in weights.MODELS:
        raise UserError(f"no model {config.model!r}: give one of {', '.join(weights.MODELS)}")
    if not config.data.is_dir():
        raise UserError(f"{config.data}: no such folder; make a small data set with: nuanced-speech tts dummy DIR")
    for name in ("steps", "epochs", "batch_size", "patience", "evaluate"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise UserError(f"--{name.replace('_', '-')} is {value}: give a whole number from 1 up")
    for name in ("lr", "minutes"):
        value = getattr(config, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise UserError(f"--{name} is {value}: give a number above 0")
    if config.seed < 0:
        raise UserError(f"--seed is {config.seed}: give a whole number from 0 up")
    _precision(config.precision, find_device(config.device))
    if vocoders.load(config.vocoder).mel != MEL:
        raise UserError(f"--vocoder {config.vocoder} has a mel of its own kind: give griffin-lim, default or a file")
    if config.start_from and config.resume:
        raise UserError("--resume goes on with its own weights: leave out --start-from")
    present = [name for name in (CHECKPOINT, BEST, LAST) if (config.out / name).exists()]
    if present and not config.resume:
        raise UserError(
            f"{config.out / present[0]} is there from an earlier run: go on with --resume, or give another --out"
        )
    if config.resume and CHECKPOINT not in present:
        raise UserError(f"{config.out / CHECKPOINT}: no checkpoint to resume; start without --resume")
    try:
        config.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{config.out}: cannot make this folder ({error.strerror})") from error


def identity(config: TrainConfig, model: AcousticModel, items: list[Item]) -> dict[str, str]:
    """All that shapes the weights, as text: a checkpoint is only continued with the same. How long to train may
    differ, though the learning rate then falls otherwise."""
    data = hashlib.sha256()
    for item in items:
        data.update(item.name.encode() + item.mel.numpy().tobytes() + item.phonemes.numpy().tobytes())
        data.update(item.embedding.numpy().tobytes())
        if item.durations is not None:
            data.update(item.durations.numpy().tobytes())
    return {
        "model": config.model,
        "config": json.dumps(asdict(model.config)),
        "batch_size": str(config.batch_size),
        "lr": str(config.lr),
        "seed": str(config.seed),
        "precision": config.precision,
        "data": data.hexdigest()[:16],
    }


def _precision(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    if name not in PRECISIONS:
        raise UserError(f"unknown precision {name!r}: choose auto, {', '.join(PRECISIONS)}")
    if name == "float16" and device.type != "cuda":
        raise UserError("--precision float16 needs a GPU: give bfloat16 or float32")
    return torch.float16 if name == "float16" else choose(name, device)
