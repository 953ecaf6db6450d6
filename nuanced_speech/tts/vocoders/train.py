"""Training of a vocoder on recordings: three kinds of objective."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core import precision
from nuanced_speech.core.device import find_device
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.mel import MEL, MelConfig, mel_spectrogram
from nuanced_speech.train import checkpoint
from nuanced_speech.train.board import Board
from nuanced_speech.train.loop import LoopConfig, Recipe, Report, run
from nuanced_speech.train.processes import ALONE, Processes, join
from nuanced_speech.train.schedule import WarmCosine
from nuanced_speech.tts.configs import VocoderTrainConfig
from nuanced_speech.tts.vocoders import files
from nuanced_speech.tts.vocoders.melody import melodies
from nuanced_speech.tts.vocoders.objectives import OBJECTIVES
from nuanced_speech.tts.waveforms import Waveforms, collect

log = logging.getLogger(__name__)
CHECKPOINT, WEIGHTS = "checkpoint.pt", "vocoder.safetensors"
VALIDATION_BATCHES = 8
WARMUP = 200


class Objective(Protocol):
    """A vocoder with what it is trained by."""

    model: files.Trainable

    def to(self, device: torch.device) -> None:
        """Move all networks."""
        ...

    def join(self, processes: Processes) -> None:
        """Average gradients over these processes."""
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


def train(config: VocoderTrainConfig, make: Callable[[], Objective] | None = None, report: Report = log.info) -> Path:
    """Train, or go on from the checkpoint in ``config.out``; returns the path of the best weights.

    Args:
        config: what to train on, and how.
        make: makes the vocoder with what it is trained by; by default ``OBJECTIVES`` of model and size.
        report: takes lines for the user.

    Raises:
        UserError: an unknown model, no recordings, or a checkpoint of other settings.
    """
    if make is None and (config.model, config.size) not in OBJECTIVES:
        models = ", ".join(f"{model} ({size})" for model, size in OBJECTIVES)
        raise UserError(f"unknown vocoder {config.model!r} of size {config.size!r}: choose one of {models}")
    processes = join(config.device)
    processes.check_batch(config.batch_size)
    report = processes.only_main(report)
    device = find_device(config.device)
    checkpoint.make_folder(config.out)
    with processes.main_first():
        recordings = collect(config.folders, MEL.sample_rate, config.out)
    hours = len(recordings.samples) / MEL.sample_rate / 3600
    report(f"{len(recordings)} recordings, {hours:.2f} hours")
    torch.manual_seed(config.seed)
    objective = (make or OBJECTIVES[config.model, config.size])()
    objective.to(device)
    objective.join(processes)
    settings = checkpoint.settings_of(config, "folders", "minutes", "every", "shown_seconds")
    path = config.out / CHECKPOINT
    loop = LoopConfig(config.steps, path, settings, config.every, minutes=config.minutes, title=config.model)
    with processes.main_first():
        recipe = VocoderRecipe(config, objective, recordings, device, processes)
    return run(recipe, loop, report, partial(Board, config.out / "tensorboard"))


class VocoderRecipe(Recipe):
    """A vocoder, what it is trained by, and the recordings.

    Its random numbers go on from step to step, so the checkpoint holds their state.
    """

    def __init__(
        self,
        config: VocoderTrainConfig,
        objective: Objective,
        recordings: Waveforms,
        device: torch.device,
        processes: Processes = ALONE,
    ) -> None:
        self.config, self.objective, self.device, self.processes = config, objective, device, processes
        self.dtype = precision.fast_dtype(device)
        self.pieces = _Pieces(recordings, config)
        self.best = float("inf")
        self.schedule = WarmCosine(config.steps, WARMUP, last=0.0, begins=0)

    def step(self, step: int) -> dict[str, float]:
        """Learn from random pieces."""
        rows = self.processes.rows(self.config.batch_size)
        wave, f0 = (x[rows].to(self.device) for x in self.pieces.draw(step))
        return self.objective.step(wave, f0, self.config.lr * self.schedule(step))

    def evaluate(self, step: int, board: Board | None) -> str:
        """The loss on recordings that are not trained on; keeps the weights if it is the least."""
        batches = ((x.to(self.device) for x in batch) for batch in self.pieces.held_out())
        loss = float(np.mean([self.objective.validate(*batch) for batch in batches]))
        if board:
            board.writer.add_scalar("validation", loss, step)
            _show(board, self.objective.model, self.pieces, self.device, step)
        if loss < self.best or not (self.config.out / WEIGHTS).exists():
            self.best = loss
            files.save(self.config.out / WEIGHTS, self.objective.model)
        return f"validation {loss:.4f}"

    def state(self) -> dict[str, Any]:
        """Networks, optimizers, least loss, and state of the random numbers."""
        return {"objective": self.objective.state(), "best": self.best, "random": torch.get_rng_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over an earlier state."""
        self.objective.restore(state["objective"])
        self.best = state["best"]
        torch.set_rng_state(state["random"])

    def finish(self, step: int, board: Board | None) -> Path:
        """Write the weights if there are none of an evaluation."""
        path = self.config.out / WEIGHTS
        if not path.exists():
            files.save(path, self.objective.model)
        return path


class _Pieces:
    """Random pieces of the recordings; some recordings are kept for validation."""

    def __init__(self, recordings: Waveforms, config: VocoderTrainConfig, mel: MelConfig = MEL) -> None:
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


def _show(board: Board, model: files.Trainable, pieces: _Pieces, device: torch.device, step: int) -> None:
    """Sound and mel of a held-out passage, and what the vocoder makes of it."""
    clip = pieces.recordings.clip(pieces.held[0])[: pieces.config.shown_seconds * pieces.mel.sample_rate]
    wave = torch.from_numpy(clip)[None].to(device)
    mel = mel_spectrogram(wave)
    model.eval()
    with torch.no_grad():
        rendered = model(mel)
    model.train()
    for name, sound in (("recording", wave), ("vocoder", rendered)):
        board.writer.add_audio(name, sound[0].cpu().clamp(-1, 1)[None], step, pieces.mel.sample_rate)
        picture = (mel_spectrogram(sound)[0].cpu().flip(0) + 11.5) / 13
        board.writer.add_image(f"mel/{name}", picture.clamp(0, 1)[None], step)
