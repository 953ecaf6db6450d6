"""A fast decoder brought nearer to a speaker: low-rank changes of a few layers, and the speaker input, by gradient.

At each step the decoder makes a few seconds of the speaker's recordings again from their analysis, and comes nearer to
their levels in mel bands at several resolutions, as in the last stage of its training, and to the speaker by the
speaker encoder. Weight decay holds the change small, and the step that is best on a passage that was held back is kept:
the decoder as it was, where nothing is better.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nuanced_speech.analysis.features import ENERGY_OFFSET, SegmentFeatures
from nuanced_speech.analysis.recorded_voice import reference_of
from nuanced_speech.core.constants import FRAMES_PER_UNIT, SAMPLES_PER_UNIT
from nuanced_speech.dsp.spectral_distance import MEL_BANDS, SpectralDistance, bandwidth_of
from nuanced_speech.models.decoder_voice import DecoderVoice, Reference
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.voice.adaptation import DecoderAdaptation, LowRank


@dataclass(frozen=True)
class DecoderAdaptationConfig:
    """Settings of the search.

    Attributes:
        blocks: so many of the last blocks are changed, in their second layer over channels, and the head.
        rank: of each change.
        crop_units: length of what is spoken at a step, in 25 ms units.
        batch_size: crops of a step.
        step_size: of Adam at first; it shrinks to zero.
        speaker_step: step size of the speaker input, whose numbers are about 0.06 in size.
        likeness_weight: weight of the cosine to the speaker's embedding, beside 1 for the log distance in mel bands.
        weight_decay: pull of each step towards no change, as a share of the step size.
        with_reference: share of steps that are given frames of the other passages, as the voice will be.
        check_every: steps between checks on the held-back passage.
        patience: checks without gain after which the search ends.
    """

    blocks: int = 8
    rank: int = 1
    crop_units: int = 64
    batch_size: int = 2
    step_size: float = 5e-3
    speaker_step: float = 2e-3
    likeness_weight: float = 1.5
    weight_decay: float = 0.1
    with_reference: float = 0.7
    check_every: int = 10
    patience: int = 3


@dataclass(frozen=True, eq=False)
class SpokenPassage:
    """A passage of a recording, ``T`` units long.

    Attributes:
        content: ``[1, 512, T]``.
        f0: Hz ``[1, 2T]``.
        energy: N as Kokoro predicts it ``[1, 2T]``.
        wave: ``[1, 600 T]`` at 24 kHz.
        reference: its frames.
    """

    content: Tensor
    f0: Tensor
    energy: Tensor
    wave: Tensor
    reference: Reference

    @classmethod
    def of(cls, features: SegmentFeatures, content: Tensor) -> "SpokenPassage":
        """That of a segment, with content ``[1, 512, T]``."""
        curves = (features.f0, features.energy + ENERGY_OFFSET, np.nan_to_num(features.wave))
        f0, energy, wave = (torch.from_numpy(x).float()[None].to(content.device) for x in curves)
        return cls(content, f0, energy, wave, reference_of([features]))

    @property
    def units(self) -> int:
        """Length in 25 ms units."""
        return self.content.shape[-1]

    def crop(self, start: int, units: int) -> "SpokenPassage":
        """``units`` units from ``start`` on, or what there is."""
        end = start + units
        frames, samples = (slice(start * rate, end * rate) for rate in (FRAMES_PER_UNIT, SAMPLES_PER_UNIT))
        curves = self.f0[:, frames], self.energy[:, frames], self.wave[:, samples]
        return SpokenPassage(self.content[..., start:end], *curves, self.reference.cut(start, end))


def adapt_decoder(
    decoder: FastDecoder,
    passages: Sequence[SpokenPassage],
    voice: DecoderVoice,
    steps: int,
    report: Callable[[int, float], None] = lambda _step, _distance: None,
    seed: int = 0,
    config: DecoderAdaptationConfig = DecoderAdaptationConfig(),
    encoder: SpeakerEncoder | None = None,
) -> DecoderAdaptation:
    """What to change for a speaker, after at most so many steps; no worse on a held-back passage than no change.

    Args:
        decoder: stays as it is.
        passages: of the speaker's recordings.
        voice: timbre ``[1, 128]`` and speaker embedding ``[1, 256]`` to start from.
        steps: of Adam.
        report: called after each check with the step and the held-back passage's distance, less its weighted likeness.
        seed: of the crops, of the first changes and of the noise.
        config: settings of the search.
        encoder: tells likeness to the speaker; without it the distance counts alone.
    """
    rng = np.random.default_rng(seed)
    held_out, searched = held_back(passages, 2 * config.crop_units)
    change = _Change(decoder, voice, config, torch.Generator().manual_seed(seed))
    groups: list[dict[str, Any]] = [{"params": change.layers}, {"params": [change.speaker], "lr": config.speaker_step}]
    optimizer = torch.optim.AdamW(groups, config.step_size, weight_decay=config.weight_decay)
    shrinking = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / (steps + 1))
    levels = SpectralDistance(bands=MEL_BANDS).to(voice.timbre.device)
    width = torch.tensor([max(bandwidth_of(p.wave[0].cpu().numpy()) for p in passages)], device=voice.timbre.device)

    def distance(passage: SpokenPassage, frames: Reference | None, seed: int) -> Tensor:
        adapted = DecoderVoice(voice.timbre, voice.speaker, frames, change.now)
        wave = decoder(passage.content, passage.f0, passage.energy, adapted, seed)
        apart = levels(wave, passage.wave, width)[1]
        if encoder is None:
            return apart
        return apart - config.likeness_weight * (encoder.embed_waves(wave) * voice.speaker).sum()

    every_frame = _frames(searched, None)
    best, adaptation, stale = np.inf, change.frozen(), 0
    for step in range(steps + 1):
        if step % config.check_every == 0 or step == steps:
            with torch.no_grad():
                remaining = float(distance(held_out, every_frame, seed))
            report(step, remaining)
            stale = 0 if remaining < best else stale + 1
            if remaining < best:
                best, adaptation = remaining, change.frozen()
            if stale == config.patience or step == steps:
                break
        with torch.enable_grad():
            optimizer.zero_grad()
            for _ in range(config.batch_size):
                passage, number = _crop(searched, rng, config.crop_units)
                frames = _frames(searched, number) if rng.random() < config.with_reference else None
                (distance(passage, frames, int(rng.integers(1 << 31))) / config.batch_size).backward()
        optimizer.step()
        shrinking.step()
    return adaptation


def held_back(passages: Sequence[SpokenPassage], units: int) -> tuple[SpokenPassage, list[SpokenPassage]]:
    """The end of the longest passage, ``units`` units or a third of it, and all else."""
    longest = max(range(len(passages)), key=lambda k: passages[k].units)
    whole = passages[longest]
    begin = whole.units - min(units, max(whole.units // 3, 1))
    rest = [passage for k, passage in enumerate(passages) if k != longest]
    return whole.crop(begin, whole.units), [whole.crop(0, begin), *rest]


class _Change:
    """The numbers that are learned: what is added to the speaker embedding, and factors of the layers' changes."""

    def __init__(
        self, decoder: FastDecoder, voice: DecoderVoice, config: DecoderAdaptationConfig, generator: torch.Generator
    ) -> None:
        self.digest, self.device = decoder.digest, voice.timbre.device
        self.home = voice.speaker[0].nan_to_num(0.0)
        self.speaker = torch.zeros_like(self.home, requires_grad=True)
        count = len(decoder.blocks)
        self.names = [*(f"blocks.{k}.pwconv2" for k in range(max(count - config.blocks, 0), count)), "head"]
        self.layers: list[Tensor] = []
        for name in self.names:
            layer = decoder.get_submodule(name)
            assert isinstance(layer, nn.Linear)
            down = torch.randn(config.rank, layer.in_features, generator=generator) * layer.in_features**-0.5
            up = torch.zeros(layer.out_features, config.rank)
            self.layers += [x.to(self.device).requires_grad_() for x in (up, down)]

    @property
    def now(self) -> DecoderAdaptation:
        """The adaptation, with gradients."""
        pairs = zip(self.layers[::2], self.layers[1::2], strict=True)
        changes = {name: LowRank(up, down) for name, (up, down) in zip(self.names, pairs, strict=True)}
        return DecoderAdaptation(self.digest, self.home + self.speaker, changes)

    def frozen(self) -> DecoderAdaptation:
        """The adaptation as it is now, which further steps do not change."""
        now = self.now
        layers = {name: LowRank(x.up.detach().clone(), x.down.detach().clone()) for name, x in now.layers.items()}
        return DecoderAdaptation(now.decoder, now.speaker.detach().clone(), layers)


def _crop(passages: Sequence[SpokenPassage], rng: np.random.Generator, units: int) -> tuple[SpokenPassage, int]:
    """``units`` units of one of the passages, of a long one more often, and its number."""
    weights = np.array([p.units for p in passages], float)
    number = int(rng.choice(len(passages), p=weights / weights.sum()))
    passage = passages[number]
    return passage.crop(int(rng.integers(max(passage.units - units, 0) + 1)), units), number


def _frames(passages: Sequence[SpokenPassage], without: int | None) -> Reference | None:
    """Frames of all passages but one, since a passage would be told by its own; None where there is no other."""
    kept = [p.reference for k, p in enumerate(passages) if k != without]
    return Reference.joined(kept) if kept else None
