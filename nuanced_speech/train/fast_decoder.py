"""Train the fast decoder: Kokoro's own speech and real recordings, made again from their analysis.

Read top to bottom: random crops, each with the frames, embedding and style of its speaker (any of them left out at
random, so that all of them may be missing later), the decoder's sound, and its distance from the crop's in log spectra
at several resolutions, up to the frequency that the recording says something about. Two later stages start from these
weights and add losses (``decoder_stages``): the likeness of the speaker, and discriminators.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core import precision
from nuanced_speech.core.constants import UNITS_PER_SECOND
from nuanced_speech.core.device import find_device
from nuanced_speech.dsp.spectral_distance import MEL_BANDS, SpectralDistance
from nuanced_speech.models.decoder_voice import DecoderVoice, SourceEnvelopes
from nuanced_speech.models.fast_decoder import sound
from nuanced_speech.train import checkpoint, decoder_stages
from nuanced_speech.train.board import Board
from nuanced_speech.train.configs import FastDecoderTraining
from nuanced_speech.train.decoder_batches import DecoderBatch, DecoderSpeech, OmissionShares, has_held_out
from nuanced_speech.train.decoder_stages import STAGES, UNNAMED, Adversary, SpeakerSimilarity, new_decoder
from nuanced_speech.train.descent import WeightAverage, descend
from nuanced_speech.train.loop import LoopConfig, Recipe, Report, run, seeded
from nuanced_speech.train.processes import ALONE, Processes, join
from nuanced_speech.train.schedule import WarmCosine, set_rates

log = logging.getLogger(__name__)


def train(config: FastDecoderTraining, report: Report = log.info) -> Path:
    """Train, resuming from ``out``'s checkpoint if there is one, and write ``fast_decoder.safetensors`` there.

    The data may grow between two runs.

    Raises:
        UserError: no data in the folder; a stage without the weights that it starts from; or a checkpoint that was made
            with other settings.
    """
    decoder_stages.check(config)
    processes = join(config.device)
    processes.check_batch(config.batch_size)
    checkpoint.make_folder(config.out)
    recipe = FastDecoderRecipe(config, processes)
    path = config.out / "fast_decoder_checkpoint.pt"
    loop = LoopConfig(
        config.steps,
        path,
        recipe.settings,
        config.checkpoint_every,
        log_every=10,
        minutes=config.minutes,
        unnamed=UNNAMED,
    )
    return run(recipe, loop, report)


class FastDecoderRecipe(Recipe):
    """The decoder, the average of its weights, the speech, and what the stage adds to the spectral losses."""

    def __init__(self, config: FastDecoderTraining, processes: Processes = ALONE) -> None:
        self.config, self.processes, self.device = config, processes, find_device(config.device)
        self.dtype = precision.choose(config.precision, self.device)
        self.speech = DecoderSpeech(config.data)
        self.others = DecoderSpeech(config.data, held_out=True) if has_held_out(config.data) else None
        torch.manual_seed(config.seed)
        decoder = new_decoder(config)
        self.settings = decoder_stages.settings(config, decoder)
        self.decoder = decoder.to(self.device)
        self.distance = SpectralDistance().to(self.device)
        self.bands = SpectralDistance(bands=MEL_BANDS).to(self.device)
        self.optimizer = torch.optim.AdamW(self.decoder.parameters(), config.lr, (0.9, 0.98), weight_decay=0.01)
        self.schedule = WarmCosine(config.steps, config.warmup, last=0.05)
        self.average = WeightAverage(dict(self.decoder.named_parameters()), config.ema)
        self.shares = OmissionShares(
            config.no_timbre, config.no_speaker, config.no_reference, config.disturbed, config.no_source
        )
        stage = STAGES.index(config.stage)
        self.likeness = SpeakerSimilarity().to(self.device) if stage > 0 else None
        self.adversary = Adversary(config, self.device, self.dtype) if stage > 1 else None

    def step(self, step: int) -> dict[str, float]:
        """Come nearer to a batch of crops."""
        config, rng = self.config, seeded(self.config.seed, step, self.processes)
        recorded = round(config.batch_size * config.recorded)
        numbers = self.speech.draw(rng, config.batch_size - recorded, recorded)
        units, rows = round(config.crop_seconds * UNITS_PER_SECOND), self.processes.rows(config.batch_size)
        batch = self._moved(self.speech.batch(numbers, rng, units, config.reference_units, self.shares, rows))
        wave = self._decode(batch, int(rng.integers(1 << 31)))
        convergence, distance = (self.bands if self.adversary else self.distance)(wave, batch.wave, batch.bandwidth)
        loss = config.mel_weight * distance if self.adversary else convergence + distance
        figures = {"distance": float(distance.detach()), "convergence": float(convergence.detach())}
        rate = self.schedule(step)
        if self.likeness:
            targets = self.speech.elsewhere(numbers, rng)
            known = max(int((~targets.isnan().any(1)).sum()), 1) / self.processes.count
            cosine = self.likeness(wave, targets[rows].to(self.device)).sum() / known
            loss = loss - config.speaker_weight * cosine
            figures["cosine"] = float(cosine.detach())
        if self.adversary:
            verdict, more = self.adversary.learn(wave, batch.wave, batch.bandwidth, rate, self.processes)
            loss, figures = loss + verdict, figures | more
        set_rates(self.optimizer, config.lr * rate)
        descend(self.optimizer, self.decoder.parameters(), loss, processes=self.processes)
        self.average.update(dict(self.decoder.named_parameters()), step)
        return figures

    def _decode(self, batch: DecoderBatch, seed: int = 0) -> Tensor:
        """Waveforms ``[B, 600 * T]``; only the network is computed in the cheaper number format."""
        with precision.autocast(self.device, self.dtype):
            gains = self.decoder.gains(batch.content, batch.f0, batch.energy, batch.voice, batch.source)
        return sound(gains, batch.f0, seed)

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
            lines.append(f"{kind} {self._measured(speech, spoken, recorded)}")
        self._save(step)
        self.decoder.load_state_dict(own)
        return "log distance " + "; ".join(lines)

    def _measured(self, speech: DecoderSpeech, spoken: int, recorded: int) -> str:
        """Figures of so many crops of Kokoro's speech and of recordings."""
        values, cosine = [], ""
        parts = (
            OmissionShares(0, 0, 0, 0),
            OmissionShares(0, 1, 1, 0),
            OmissionShares(1, 0, 1, 0),
            OmissionShares(1, 1, 0, 0),
            OmissionShares(0, 0, 0, 0, 0),
        )
        for shares in parts if self.config.no_source < 1 else parts[:-1]:
            rng = np.random.default_rng(self.config.seed)
            numbers = speech.draw(rng, spoken, recorded)
            batch = self._moved(speech.batch(numbers, rng, 60, self.config.reference_units, shares))
            wave = self._decode(batch)
            values.append(float(self.distance(wave, batch.wave, batch.bandwidth)[1]))
            if self.likeness and not cosine:
                targets = speech.elsewhere(numbers, rng).to(self.device)
                known = int((~targets.isnan().any(1)).sum())
                cosine = f"; cosine {float(self.likeness(wave, targets).sum()) / known:.3f}" if known else ""
        named = zip(("timbre", "speaker", "reference", "source"), values[1:], strict=False)
        return f"{values[0]:.3f} ({', '.join(f'{name} {value:.3f}' for name, value in named)}{cosine})"

    def state(self) -> dict[str, Any]:
        adversary = self.adversary.state() if self.adversary else {}
        return {
            "decoder": self.decoder.state_dict(),
            "average": self.average.tensors,
            "optimizer": self.optimizer.state_dict(),
        } | adversary

    def restore(self, state: dict[str, Any]) -> None:
        self.decoder.load_state_dict(state["decoder"])
        self.average.restore(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.adversary:
            self.adversary.restore(state)

    def finish(self, step: int, board: Board | None) -> Path:
        self._write_average()
        return self._save(step)

    def _save(self, step: int) -> Path:
        path = self.config.out / "fast_decoder.safetensors"
        self.decoder.save(path, steps=str(step), stage=self.config.stage)
        return path

    def _write_average(self) -> None:
        for name, parameter in self.decoder.named_parameters():
            parameter.data.copy_(self.average.tensors[name])

    def _moved(self, batch: DecoderBatch) -> DecoderBatch:
        voice, source, to = batch.voice, batch.source, self.device
        reference = None if voice.reference is None else voice.reference.to(to)
        moved = DecoderVoice(voice.timbre.to(to), voice.speaker.to(to), reference)
        followed = SourceEnvelopes(source.envelope.to(to), source.frames.to(to))
        rest = batch.content.to(to), batch.f0.to(to), batch.energy.to(to)
        return DecoderBatch(*rest, moved, followed, batch.wave.to(to), batch.bandwidth.to(to))
