"""Train an acoustic model.

Read top to bottom: utterances of about the same length in a batch, AdamW with a short warm-up and half a cosine, an
evaluation an epoch; the best weights are kept, and the training stops when it gets no better.
"""

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from nuanced_speech.core.device import find_device
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.precision import autocast, choose
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.train import checkpoint
from nuanced_speech.train.board import Board
from nuanced_speech.train.loop import LoopConfig, Recipe, Report, run
from nuanced_speech.train.processes import only_one
from nuanced_speech.train.schedule import WarmCosine, set_rates
from nuanced_speech.tts import vocoders
from nuanced_speech.tts.acoustic import weights
from nuanced_speech.tts.acoustic.board import AcousticBoard
from nuanced_speech.tts.acoustic.data import Item, batches, collate, read, split
from nuanced_speech.tts.acoustic.interface import AcousticModel
from nuanced_speech.tts.configs import AcousticTrainConfig

log = logging.getLogger(__name__)
CHECKPOINT, BEST, LAST = "checkpoint.pt", "best.safetensors", "last.safetensors"
WARMUP, LAST_RATE = 200, 0.02
# An evaluation an epoch, but not more often than every so many steps.
EVALUATE = 50
LOG_EVERY = 10
PRECISIONS = ("float32", "bfloat16", "float16")


def train(config: AcousticTrainConfig, report: Report = log.info, clock: Callable[[], float] = time.monotonic) -> Path:
    """Train, and return the file of the best weights.

    Args:
        config: what to train on, how long, and where to put it.
        report: takes lines for the user.
        clock: seconds, for the time limit.

    Raises:
        UserError: a setting that cannot work, data that cannot be learned from, an earlier run in the way, or
            several processes.
    """
    began = clock()
    only_one("losses and norms are means over a batch of unequal utterances")
    check(config)
    recipe = AcousticRecipe(config)
    loop = LoopConfig(
        recipe.steps,
        config.out / CHECKPOINT,
        recipe.settings,
        recipe.every,
        log_every=LOG_EVERY,
        minutes=config.minutes,
    )
    report(recipe.describe())
    path = run(recipe, loop, report, partial(AcousticBoard, config.out / "tensorboard"), clock)
    report(f"weights: {path}; {(clock() - began) / 60:.1f} min")
    return path


class AcousticRecipe(Recipe):
    """The model, its optimizer, and the utterances."""

    def __init__(self, config: AcousticTrainConfig) -> None:
        self.config, self.device = config, find_device(config.device)
        torch.manual_seed(config.seed)
        self.model = weights.build(config.model, config.settings)
        if config.start_from:
            weights.adopt(self.model, config.start_from)
        items = read(config.data, self.model.needs_durations, self.model.needs_pitch, config.trim)
        self.learned, self.held_out = split(items)
        if not config.start_from:
            # weights that are there already expect the scale that they were trained with
            self.model.calibrate(torch.cat([item.mel for item in self.learned]))
        self.model.to(self.device)
        parameters = self.model.parameters()
        self.optimizer = torch.optim.AdamW(parameters, config.lr, betas=(0.9, 0.98), eps=1e-8, weight_decay=1e-3)
        self.dtype = _precision(config.precision, self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.dtype == torch.float16)
        self.per_epoch = math.ceil(len(self.learned) / config.batch_size)
        self.steps = config.epochs * self.per_epoch if config.epochs else config.steps
        self.every = config.evaluate or max(self.per_epoch, EVALUATE)
        self.schedule = WarmCosine(self.steps, min(WARMUP, self.steps // 10 + 1), LAST_RATE)
        self.settings = identity(config, self.model, items)
        self.vocoder = vocoders.load(config.vocoder)
        self.done, self.best, self.stale = 0, math.inf, 0
        self.order: list[list[int]] | None = None

    def describe(self) -> str:
        """What is trained, on what and how, in a line."""
        size = sum(p.numel() for p in self.model.parameters()) / 1e6
        hours = sum(len(item.mel) for item in self.learned) * MEL.hop_length / MEL.sample_rate / 3600
        return (
            f"{self.config.model}, {size:.1f} million parameters; {len(self.learned)} utterances ({hours:.2f} h) to"
            f" learn from, {len(self.held_out)} held out; {self.steps} steps of {self.config.batch_size}, an evaluation"
            f" every {self.every}, on {self.device} in {self.dtype}"
        ).replace("torch.", "")

    def begin(self) -> str | None:
        """Measure weights that are to be fine-tuned: they are what is to be beaten."""
        if not self.config.start_from:
            return None
        figures, _, _ = self._evaluate()
        self.best = figures["total"]
        self._save(figures, BEST, LAST)
        return f"before: {described(figures)}"

    def step(self, step: int) -> dict[str, float]:
        """Learn from a batch of utterances."""
        epoch, place = divmod(step, self.per_epoch)
        if place == 0 or self.order is None:
            self.order = batches(self.learned, self.config.batch_size, self.config.seed, epoch)
        batch = collate([self.learned[k] for k in self.order[place]]).to(self.device)
        torch.manual_seed(self.config.seed * 1_000_003 + step)
        rate = self.config.lr * self.schedule(step)
        set_rates(self.optimizer, rate)
        self.model.train()
        with autocast(self.device, self.dtype):
            loss = self.model.loss(batch, step / self.steps)
        self.optimizer.zero_grad()
        self.scaler.scale(loss.total).backward()
        self.scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.done = step + 1
        figures = {"total": loss.total, **loss.parts, "gradient": norm}
        numbers = {name: float(value.detach()) for name, value in figures.items()} | {"learning_rate": rate}
        if self.scaler.is_enabled():
            # a step that overflows float16 is left out by the scaler
            return {name: value for name, value in numbers.items() if math.isfinite(value)}
        return numbers

    def _evaluate(self) -> tuple[dict[str, float], "EvaluationSample", Item]:
        return evaluate(self.model, self.held_out, self.config.batch_size, self.device, self.dtype)

    def evaluate(self, step: int, board: Board | None) -> str:
        """Losses on utterances that are not trained on; keeps the weights if they are the best."""
        figures, sample, item = self._evaluate()
        if isinstance(board, AcousticBoard):
            board.scalars("held out", figures, step)
            board.mels(sample.mel, item.mel, step)
            board.sound("predicted", sample.mel, self.vocoder, step)
            if sample.alignment is not None:
                board.alignment(sample.alignment, step)
        better = figures["total"] < self.best
        self.best, self.stale = (figures["total"], 0) if better else (self.best, self.stale + 1)
        # a very small set is overfitted on purpose: the last weights fit it better than the best
        self._save(figures, *[BEST] * better, LAST)
        return f"{described(figures)}{' (best)' if better else ''}"

    def _save(self, figures: dict[str, float], *names: str) -> None:
        about = {"step": str(self.done), **{name: f"{value:.4f}" for name, value in figures.items()}}
        for name in names:
            weights.save(self.config.out / name, self.model, **about)

    def wants_to_stop(self) -> str | None:
        """Whether the last evaluations brought no improvement."""
        return f"no better for {self.stale} evaluations" if self.stale >= self.config.patience else None

    def out_of_time(self) -> str:
        """Write the last weights only: what is best is decided where it is without an interruption."""
        figures, _, _ = self._evaluate()
        self._save(figures, LAST)
        return f"{described(figures)}; go on with resume"

    def state(self) -> dict[str, Any]:
        """Weights, optimizer, scaler, and how well it did."""
        return {
            "best": self.best, "stale": self.stale, "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take over an earlier state."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.done, self.best, self.stale = state["step"], state["best"], state["stale"]

    def finish(self, step: int, board: Board | None) -> Path:
        """Write the weights if there are none of an evaluation."""
        path = self.config.out / BEST
        if not path.is_file():
            weights.save(path, self.model, step=str(step))
        return path


def described(figures: dict[str, float]) -> str:
    """Losses, for the terminal."""
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items())


@dataclass(frozen=True)
class EvaluationSample:
    """A mel ``[frames, 80]`` and an alignment ``[steps, T]``, to look at."""

    mel: torch.Tensor
    alignment: torch.Tensor | None


@torch.no_grad()
def evaluate(
    model: AcousticModel, items: list[Item], size: int, device: torch.device, precision: torch.dtype
) -> tuple[dict[str, float], EvaluationSample, Item]:
    """Mean losses on held-out utterances, and what is predicted of the first (with true durations or frames)."""
    model.eval()
    torch.manual_seed(0)
    sums: dict[str, float] = {}
    sample = None
    for start in range(0, len(items), size):
        group = items[start : start + size]
        with autocast(device, precision):
            # as at the end of the training, so that losses of all times compare
            loss = model.loss(collate(group).to(device), 1.0)
        for name, value in {"total": loss.total, **loss.parts}.items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(group) / len(items)
        if sample is None:
            item = group[0]
            alignment = None
            if loss.alignment is not None:
                frames = loss.alignment.shape[1] * len(item.mel) // max(len(i.mel) for i in group)
                alignment = loss.alignment[0, :frames, : len(item.phonemes)].float().cpu()
            sample = EvaluationSample(loss.mel[0, : len(item.mel)].float().cpu(), alignment)
    assert sample is not None
    return sums, sample, items[0]


def check(config: AcousticTrainConfig) -> None:
    """Refuse what cannot work, and what would overwrite an earlier run.

    Raises:
        UserError: names the setting and what to give instead.
    """
    if config.model not in weights.MODELS:
        raise UserError(f"no model {config.model!r}: give one of {', '.join(weights.MODELS)}")
    if not config.data.is_dir():
        raise UserError(f"{config.data}: no such folder; make a small data set with: nuanced-speech tts dummy DIR")
    for name in ("steps", "epochs", "batch_size", "patience", "evaluate"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise UserError(f"{name} is {value}: give a whole number from 1 up")
    for name in ("lr", "minutes"):
        value = getattr(config, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise UserError(f"{name} is {value}: give a number above 0")
    if config.seed < 0:
        raise UserError(f"seed is {config.seed}: give a whole number from 0 up")
    _precision(config.precision, find_device(config.device))
    if vocoders.load(config.vocoder).mel != MEL:
        raise UserError(f"vocoder {config.vocoder} has a mel of its own kind: give griffin-lim, default or a file")
    if config.start_from and config.resume:
        raise UserError("resume goes on with its own weights: leave out start_from")
    present = [name for name in (CHECKPOINT, BEST, LAST) if (config.out / name).exists()]
    if present and not config.resume:
        raise UserError(
            f"{config.out / present[0]} is there from an earlier run: go on with resume, or give another out folder"
        )
    if config.resume and CHECKPOINT not in present:
        raise UserError(f"{config.out / CHECKPOINT}: no checkpoint to resume; start without resume")
    checkpoint.make_folder(config.out)


def identity(config: AcousticTrainConfig, model: AcousticModel, items: list[Item]) -> dict[str, str]:
    """All that shapes the weights, as text: a checkpoint is only continued with the same. How long to train may
    differ, though the learning rate then falls otherwise."""
    tensors = []
    for item in items:
        tensors += [item.name.encode(), item.mel.numpy().tobytes(), item.phonemes.numpy().tobytes()]
        tensors.append(item.embedding.numpy().tobytes())
        if item.durations is not None:
            tensors.append(item.durations.numpy().tobytes())
    return {
        "model": config.model,
        "config": json.dumps(asdict(model.config)),
        "batch_size": str(config.batch_size),
        "lr": str(config.lr),
        "seed": str(config.seed),
        "precision": config.precision,
        "data": checkpoint.fingerprint(*tensors),
    }


def _precision(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    if name not in PRECISIONS:
        raise UserError(f"unknown precision {name!r}: choose auto, {', '.join(PRECISIONS)}")
    if name == "float16" and device.type != "cuda":
        raise UserError("precision float16 needs a GPU: give bfloat16 or float32")
    return torch.float16 if name == "float16" else choose(name, device)
