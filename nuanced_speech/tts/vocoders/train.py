"""Training a vocoder on recordings: one loop, three kinds of objective."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from nuanced_speech.core import precision
from nuanced_speech.core.device import find_device
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.mel import MEL, MelConfig, mel_spectrogram
from nuanced_speech.train import checkpoint
from nuanced_speech.tts.vocoders import files
from nuanced_speech.tts.vocoders.melody import melodies
from nuanced_speech.tts.vocoders.objectives import OBJECTIVES
from nuanced_speech.tts.waveforms import Waveforms, collect

CHECKPOINT, WEIGHTS = "checkpoint.pt", "vocoder.safetensors"
VALIDATION_BATCHES = 8
SHOWN_SECONDS = 4


@dataclass(frozen=True)
class TrainConfig:
    """What to train on, and how.

    Attributes:
        folders: recordings, or what ``train corpus`` made.
        out: for checkpoint, weights and TensorBoard's files.
        model: ``source-filter``, ``hifigan`` or ``waveglow``.
        size: ``small``, or ``paper`` for HiFi-GAN V1 with its discriminators and WaveGlow as they were published.
        steps: of the schedule; the learning rate falls to nothing by its end.
        minutes: stop earlier than that, with a checkpoint; 0 for no limit.
        frames: length of the pieces that are drawn.
        every: steps between validations, each with a checkpoint.
    """

    folders: tuple[Path, ...]
    out: Path
    model: str = "source-filter"
    size: str = "small"
    steps: int = 6000
    minutes: float = 0.0
    batch_size: int = 16
    frames: int = 64
    lr: float = 1e-3
    every: int = 250
    seed: int = 0
    device: str = "auto"


class Objective(Protocol):
    """A vocoder with what it is trained by."""

    model: files.Trainable

    def to(self, device: torch.device) -> None:
        """Move all networks."""
        ...

    def step(self, wave: Tensor, f0: Tensor, lr: float) -> dict[str, float]:
        """Learn from ``wave [B, frames * hop_length]`` and ``f0 [B, frames]``; the parts of the loss."""
        ...

    def validate(self, wave: Tensor, f0: Tensor) -> float:
        """What should fall, on pieces that were not trained on."""
        ...

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what ``state`` gave."""
        ...


def train(config: TrainConfig) -> Path:
    """Train, or go on from the checkpoint in ``config.out``; where the best weights are.

    Raises:
        UserError: an unknown model, no recordings, or a checkpoint of other settings.
    """
    if (config.model, config.size) not in OBJECTIVES:
        known = ", ".join(f"{model} ({size})" for model, size in OBJECTIVES)
        raise UserError(f"unknown vocoder {config.model!r} of size {config.size!r}: choose one of {known}")
    device = find_device(config.device)
    try:
        config.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{config.out}: cannot make this folder ({error.strerror})") from error
    recordings = collect(config.folders, MEL.sample_rate, config.out)
    hours = len(recordings.samples) / MEL.sample_rate / 3600
    print(f"{len(recordings)} recordings, {hours:.2f} hours")
    torch.manual_seed(config.seed)
    objective: Objective = OBJECTIVES[config.model, config.size]()
    objective.to(device)
    path = config.out / CHECKPOINT
    identity = {
        name: str(getattr(config, name)) for name in ("model", "size", "batch_size", "frames", "lr", "seed", "steps")
    }
    step, best = 0, float("inf")
    dtype = precision.fast_dtype(device)
    precisions = checkpoint.precisions_with({}, 0, dtype)
    if path.exists():
        saved = checkpoint.load(path)
        checkpoint.check_same(path, saved["settings"], identity)
        objective.restore(saved["objective"])
        step, best = saved["step"], saved["best"]
        precisions = checkpoint.precisions_with(saved, step, dtype)
        torch.set_rng_state(saved["random"])
    pieces = _Pieces(recordings, config)
    until = time.monotonic() + config.minutes * 60 if config.minutes else float("inf")
    with SummaryWriter(str(config.out / "tensorboard"), purge_step=step) as writer:
        progress = tqdm(total=config.steps, initial=step, desc=config.model)
        while step < config.steps and time.monotonic() < until:
            wave, f0 = (x.to(device) for x in pieces.draw(step))
            lr = config.lr * min(1.0, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * step / config.steps))
            parts = objective.step(wave, f0, lr)
            step += 1
            progress.update()
            progress.set_postfix({name: f"{value:.3f}" for name, value in parts.items()})
            for name, value in parts.items():
                writer.add_scalar(f"train/{name}", value, step)
            if not all(math.isfinite(value) for value in parts.values()):
                raise UserError(f"the loss is not a number any more at step {step}: train with a smaller --lr")
            if step % config.every == 0 or step == config.steps:
                loss = float(np.mean([objective.validate(*(x.to(device) for x in b)) for b in pieces.held_out()]))
                writer.add_scalar("validation", loss, step)
                _show(writer, objective.model, pieces, device, step)
                tqdm.write(f"step {step}: validation {loss:.4f}")
                if loss < best or not (config.out / WEIGHTS).exists():
                    best = loss
                    files.save(config.out / WEIGHTS, objective.model)
            elif time.monotonic() < until:
                continue
            state = {"objective": objective.state(), "step": step, "best": best, "precisions": precisions}
            checkpoint.save(path, state | {"settings": identity, "random": torch.get_rng_state()})
        progress.close()
    if not (config.out / WEIGHTS).exists():
        files.save(config.out / WEIGHTS, objective.model)
    return config.out / WEIGHTS


class _Pieces:
    """Random pieces of the recordings; some recordings are kept for validation."""

    def __init__(self, recordings: Waveforms, config: TrainConfig, mel: MelConfig = MEL) -> None:
        self.recordings, self.config, self.mel = recordings, config, mel
        self.f0 = melodies(recordings, mel, config.out)
        held = set(recordings.held_out)
        long_enough = [number for number, curve in enumerate(self.f0) if len(curve) >= config.frames]
        self.train = [number for number in long_enough if number not in held] or long_enough
        self.held = [number for number in long_enough if number in held] or long_enough
        if not self.train:
            raise UserError(f"no recording is as long as {config.frames} frames; record longer pieces")
        lengths = np.array([len(self.f0[number]) for number in self.train])
        self.weights = lengths / lengths.sum()

    def draw(self, step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self.config.seed, step])
        return self._batch(rng, self.train, self.weights)

    def held_out(self) -> Iterator[tuple[Tensor, Tensor]]:
        rng = np.random.default_rng(0)
        for _ in range(VALIDATION_BATCHES):
            yield self._batch(rng, self.held, None)

    def _batch(self, rng: np.random.Generator, numbers: list[int], weights: np.ndarray | None) -> tuple[Tensor, Tensor]:
        hop, frames = self.mel.hop_length, self.config.frames
        waves, curves = [], []
        for number in rng.choice(numbers, self.config.batch_size, p=weights):
            start = int(rng.integers(len(self.f0[number]) - frames + 1))
            piece = self.recordings.clip(number)[start * hop : (start + frames) * hop]
            waves.append(piece * min(10 ** (rng.uniform(-12, 6) / 20), 1 / max(np.abs(piece).max(), 1e-3)))
            curves.append(self.f0[number][start : start + frames])
        return torch.from_numpy(np.stack(waves)), torch.from_numpy(np.stack(curves))


def _show(writer: SummaryWriter, model: files.Trainable, pieces: _Pieces, device: torch.device, step: int) -> None:
    """Sound and mel of a held-out passage of up to four seconds, and what the vocoder makes of it."""
    clip = pieces.recordings.clip(pieces.held[0])[: SHOWN_SECONDS * pieces.mel.sample_rate]
    wave = torch.from_numpy(clip)[None].to(device)
    mel = mel_spectrogram(wave)
    model.eval()
    with torch.no_grad():
        spoken = model(mel)
    model.train()
    for name, sound in (("recording", wave), ("vocoder", spoken)):
        writer.add_audio(name, sound[0].cpu().clamp(-1, 1)[None], step, pieces.mel.sample_rate)
        picture = (mel_spectrogram(sound)[0].cpu().flip(0) + 11.5) / 13
        writer.add_image(f"mel/{name}", picture.clamp(0, 1)[None], step)
