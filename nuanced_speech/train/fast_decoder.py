"""Train the fast decoder: Kokoro's own speech and real recordings, made again from their analysis.

Read top to bottom: random crops, each with the frames, embedding and style of its speaker (any of them left out at
random, so that all of them may be missing later), the decoder's sound, and its distance from the crop's in log spectra
at several resolutions, up to the frequency that the recording says something about.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nuanced_speech.core.constants import UNITS_PER_SECOND
from nuanced_speech.core.device import find_device
from nuanced_speech.dsp.spectral_distance import SpectralDistance
from nuanced_speech.models.decoder_voice import DecoderVoice, Reference
from nuanced_speech.models.fast_decoder import FastDecoder, FastDecoderConfig
from nuanced_speech.train import checkpoint
from nuanced_speech.train.board import Board
from nuanced_speech.train.configs import FastDecoderTraining
from nuanced_speech.train.decoder_batches import DecoderBatch, DecoderSpeech, Shares, has_held_out
from nuanced_speech.train.descent import WeightAverage, descend
from nuanced_speech.train.loop import LoopConfig, Recipe, Report, run, seeded
from nuanced_speech.train.schedule import WarmCosine, set_rates

log = logging.getLogger(__name__)


def train(config: FastDecoderTraining, report: Report = log.info) -> Path:
    """Train, resuming from ``out``'s checkpoint if there is one, and write ``fast_decoder.safetensors`` there.

    The data may grow between two runs.

    Raises:
        UserError: no data in the folder; or a checkpoint that was made with other settings.
    """
    checkpoint.make_folder(config.out)
    recipe = FastDecoderRecipe(config)
    path = config.out / "fast_decoder_checkpoint.pt"
    settings = checkpoint.settings_of(config, "data", "minutes", "measured")
    loop = LoopConfig(config.steps, path, settings, config.checkpoint_every, log_every=10, minutes=config.minutes)
    return run(recipe, loop, report)


class FastDecoderRecipe(Recipe):
    """The decoder, the average of its weights, and the speech."""

    def __init__(self, config: FastDecoderTraining) -> None:
        self.config, self.device = config, find_device(config.device)
        self.speech = DecoderSpeech(config.data)
        self.others = DecoderSpeech(config.data, held_out=True) if has_held_out(config.data) else None
        torch.manual_seed(config.seed)
        self.decoder = FastDecoder(FastDecoderConfig(config.width, 3 * config.width, config.blocks)).to(self.device)
        self.distance = SpectralDistance().to(self.device)
        self.optimizer = torch.optim.AdamW(self.decoder.parameters(), config.lr, (0.9, 0.98), weight_decay=0.01)
        self.schedule = WarmCosine(config.steps, config.warmup, last=0.05)
        self.average = WeightAverage(dict(self.decoder.named_parameters()), config.ema)
        self.shares = Shares(config.no_timbre, config.no_speaker, config.no_reference, config.disturbed)

    def step(self, step: int) -> dict[str, float]:
        """Come nearer to a batch of crops."""
        config, rng = self.config, seeded(self.config.seed, step)
        recorded = round(config.batch_size * config.recorded)
        numbers = self.speech.draw(rng, config.batch_size - recorded, recorded)
        units = round(config.crop_seconds * UNITS_PER_SECOND)
        batch = self._moved(self.speech.batch(numbers, rng, units, config.reference_units, self.shares))
        wave = self.decoder(batch.content, batch.f0, batch.energy, batch.voice, int(rng.integers(1 << 31)))
        convergence, distance = self.distance(wave, batch.wave, batch.bandwidth)
        set_rates(self.optimizer, config.lr * self.schedule(step))
        descend(self.optimizer, self.decoder.parameters(), convergence + distance)
        self.average.update(dict(self.decoder.named_parameters()), step)
        return {"distance": float(distance.detach()), "convergence": float(convergence.detach())}

    @torch.no_grad()
    def evaluate(self, step: int, board: Board | None) -> str:
        """Distances of held-out speakers' crops (of all, where none is held out), with all of their voice and with each
        part of it alone."""
        own = {name: value.clone() for name, value in self.decoder.state_dict().items()}
        self._write_average()
        lines = []
        speech = self.others or self.speech
        for kind, spoken, recorded in (("spoken", self.config.measured, 0), ("recorded", 0, self.config.measured)):
            if not (speech.spoken if spoken else speech.recorded):
                continue
            values = []
            for shares in (Shares(0, 0, 0, 0), Shares(0, 1, 1, 0), Shares(1, 0, 1, 0), Shares(1, 1, 0, 0)):
                rng = np.random.default_rng(self.config.seed)
                numbers = speech.draw(rng, spoken, recorded)
                batch = self._moved(speech.batch(numbers, rng, 60, self.config.reference_units, shares))
                wave = self.decoder(batch.content, batch.f0, batch.energy, batch.voice)
                values.append(float(self.distance(wave, batch.wave, batch.bandwidth)[1]))
            lines.append(
                f"{kind} {values[0]:.3f} (timbre {values[1]:.3f}, speaker {values[2]:.3f}, reference {values[3]:.3f})"
            )
        self.decoder.save(self.config.out / "fast_decoder.safetensors", steps=str(step))
        self.decoder.load_state_dict(own)
        return "log distance " + "; ".join(lines)

    def state(self) -> dict[str, Any]:
        return {
            "decoder": self.decoder.state_dict(),
            "average": self.average.tensors,
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.decoder.load_state_dict(state["decoder"])
        self.average.restore(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])

    def finish(self, step: int, board: Board | None) -> Path:
        self._write_average()
        path = self.config.out / "fast_decoder.safetensors"
        self.decoder.save(path, steps=str(step))
        return path

    def _write_average(self) -> None:
        for name, parameter in self.decoder.named_parameters():
            parameter.data.copy_(self.average.tensors[name])

    def _moved(self, batch: DecoderBatch) -> DecoderBatch:
        voice, to = batch.voice, self.device
        reference = voice.reference
        if reference is not None:
            reference = Reference(reference.content.to(to), reference.envelope.to(to), reference.mask.to(to))
        moved = DecoderVoice(voice.timbre.to(to), voice.speaker.to(to), reference)
        rest = batch.content.to(to), batch.f0.to(to), batch.energy.to(to)
        return DecoderBatch(*rest, moved, batch.wave.to(to), batch.bandwidth.to(to))
