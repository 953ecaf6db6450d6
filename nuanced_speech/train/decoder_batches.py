"""Crops of speech for the fast decoder, each with frames of another recording of its speaker."""

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.analysis.features import ENERGY_OFFSET
from nuanced_speech.core.constants import (
    CONTENT_DIM,
    ENVELOPE_BANDS,
    FRAMES_PER_UNIT,
    HOP_LENGTH,
    SAMPLES_PER_UNIT,
    SPEAKER_DIM,
)
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.decoder_voice import DecoderVoice, Reference, SourceEnvelopes, envelopes
from nuanced_speech.train.corpus import unpack_audio
from nuanced_speech.train.decoder_data import names_in, read
from nuanced_speech.train.source_envelopes import OtherSpeaker
from nuanced_speech.voice.style import Style

HELD_OUT_EVERY = 40
"""One speaker in so many is measured and never trained on."""
KEPT_APART = 20
"""Units between a crop and the frames of its own recording that may be its reference."""


@dataclass(frozen=True)
class DecoderBatch:
    """Crops of ``T`` units: the decoder's input, and the sound ``wave [B, 600 * T]`` that it should make, of which
    frequencies up to ``bandwidth [B]`` Hz are known. The source is the crop as another speaker would have spoken it."""

    content: Tensor
    f0: Tensor
    energy: Tensor
    voice: DecoderVoice
    source: SourceEnvelopes
    wave: Tensor
    bandwidth: Tensor


@dataclass(frozen=True)
class OmissionShares:
    """Shares of crops that go without something, or with the disturbed content."""

    no_timbre: float
    no_speaker: float
    no_reference: float
    disturbed: float
    no_source: float = 1.0


@dataclass(frozen=True)
class Crop:
    """What chance has chosen of an item.

    Attributes:
        number: number of the item.
        start: first unit.
        disturbed: the content is the disturbed one.
        other: number of the item whose speaker embedding the decoder is given; the item itself where it is the only one
            of its speaker.
        timbre, speaker: the decoder is given them.
        frames: item and unit of each frame of the reference.
        own: units of the item that are the source's frames; none where the decoder is given no source.
        change: what makes another speaker of the source; None without one.
    """

    number: int
    start: int
    disturbed: bool
    other: int
    timbre: bool
    speaker: bool
    frames: tuple[tuple[int, int], ...]
    own: tuple[int, ...]
    change: OtherSpeaker | None


class DecoderSpeech:
    """All items of some shards, by speaker.

    Args:
        folder: folder that ``decoder_data.prepare`` wrote.
        held_out: take the held-out speakers instead of the others.

    Raises:
        UserError: no shard there, or no speaker left.
    """

    def __init__(self, folder: Path, held_out: bool = False) -> None:
        paths = sorted(folder.glob("*.safetensors"))
        items = [item for path in paths for item in read(path, lambda name: _held_out(name) == held_out)]
        if not items:
            raise UserError(f"{folder}: no decoder data here; make it with: nuanced-speech train decoder-data {folder}")
        self.items = items
        self.spoken = [k for k, item in enumerate(items) if item.spoken]
        self.recorded = [k for k, item in enumerate(items) if not item.spoken]
        self.envelopes = [envelopes(unpack_audio(item.audio)[None])[0].half() for item in items]
        self.by_speaker: dict[str, list[int]] = defaultdict(list)
        for k, item in enumerate(items):
            self.by_speaker[item.name].append(k)
        lengths = np.array([item.content.shape[1] for item in items], float)
        kinds = (self.spoken, self.recorded)
        self.chances = {tuple(kind): lengths[kind] / lengths[kind].sum() for kind in kinds if kind}

    def draw(self, rng: np.random.Generator, spoken: int, recorded: int) -> list[int]:
        """Numbers of random items, longer ones more often; where one kind is missing, the other takes its place."""
        kinds = tuple(self.spoken), tuple(self.recorded)
        if not kinds[0] or not kinds[1]:
            kinds = (kinds[0] or kinds[1],) * 2
        return [
            int(k)
            for kind, count in zip(kinds, (spoken, recorded), strict=True)
            for k in rng.choice(kind, count, p=self.chances[kind])
        ]

    def batch(
        self,
        numbers: list[int],
        rng: np.random.Generator,
        units: int,
        reference_units: int,
        shares: OmissionShares,
        rows: slice = slice(None),
    ) -> DecoderBatch:
        """Random crops of ``units`` of some items, with at most ``reference_units`` frames of reference each.

        Chance is asked for all items; only ``rows`` of the batch are made.
        """
        crops = [self._choose(k, rng, units, reference_units, shares) for k in numbers][rows]
        made = [self._cut_out(crop, units, reference_units) for crop in crops]
        content, f0, energy, timbre, speaker, wave, *rest = map(torch.stack, zip(*made, strict=True))
        voice = DecoderVoice(timbre, speaker, Reference(*rest[:3]))
        source = SourceEnvelopes(rest[3], Reference(*rest[4:]))
        bandwidth = torch.tensor([self.items[crop.number].bandwidth for crop in crops])
        return DecoderBatch(content, f0, energy, voice, source, wave, bandwidth)

    def elsewhere(self, numbers: list[int], rng: np.random.Generator) -> Tensor:
        """Speaker embeddings ``[B, 256]`` of a random other recording of each item's speaker; NaN where there is
        none."""
        choices = [[k for k in self.by_speaker[self.items[number].name] if k != number] for number in numbers]
        unknown = torch.full((SPEAKER_DIM,), float("nan"))
        return torch.stack([self.items[int(rng.choice(each))].speaker if each else unknown for each in choices])

    def _choose(
        self, number: int, rng: np.random.Generator, units: int, reference_units: int, shares: OmissionShares
    ) -> Crop:
        item = self.items[number]
        start = int(rng.integers(max(item.content.shape[1] - units, 0) + 1))
        disturbed = rng.random() < shares.disturbed
        others = [k for k in self.by_speaker[item.name] if k != number]
        other = int(rng.choice(others)) if others else number
        timbre, speaker = (bool(rng.random() >= share) for share in (shares.no_timbre, shares.no_speaker))
        frames = [] if rng.random() < shares.no_reference else self._frames(number, others, start, units)
        chosen = rng.permutation(len(frames))[: int(rng.integers(1, reference_units + 1))]
        known = tuple(frames[k] for k in chosen)
        if shares.no_source >= 1 or rng.random() < shares.no_source:
            return Crop(number, start, disturbed, other, timbre, speaker, known, (), None)
        own = tuple(rng.permutation(item.content.shape[1])[:reference_units])
        return Crop(number, start, disturbed, other, timbre, speaker, known, own, OtherSpeaker(rng))

    def _cut_out(self, crop: Crop, units: int, reference_units: int) -> tuple[Tensor, ...]:
        item, start = self.items[crop.number], crop.start
        # predicted energy is this much higher than what is measured
        offset = 0.0 if item.spoken else ENERGY_OFFSET
        timbre, speaker = Style.from_vector(item.style).timbre, self.items[crop.other].speaker
        wave = unpack_audio(_cut(item.audio, start * SAMPLES_PER_UNIT, units * SAMPLES_PER_UNIT))
        shape = torch.zeros(units * FRAMES_PER_UNIT, ENVELOPE_BANDS)
        if crop.change is not None:
            shape = crop.change(envelopes(wave[None], HOP_LENGTH)[0])
        return (
            _cut((item.disturbed if crop.disturbed else item.content).float(), start, units),
            _cut(item.f0, start * FRAMES_PER_UNIT, units * FRAMES_PER_UNIT),
            _cut(item.energy + offset, start * FRAMES_PER_UNIT, units * FRAMES_PER_UNIT),
            timbre if crop.timbre else torch.full_like(timbre, float("nan")),
            speaker if crop.speaker else torch.full_like(speaker, float("nan")),
            wave,
            *self._reference(crop.frames, reference_units),
            shape,
            *self._reference([(crop.number, at) for at in crop.own], reference_units, crop.change),
        )

    def _frames(self, number: int, others: list[int], start: int, units: int) -> list[tuple[int, int]]:
        """Item and unit of the frames that may be the reference: of other recordings, or far enough from the crop."""
        if others:
            return [(k, at) for k in others for at in range(self.items[k].content.shape[1])]
        inside = range(start - KEPT_APART, start + units + KEPT_APART)
        return [(number, at) for at in range(self.items[number].content.shape[1]) if at not in inside]

    def _reference(
        self, frames: Sequence[tuple[int, int]], size: int, change: OtherSpeaker | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        content, shape = torch.zeros(size, CONTENT_DIM), torch.zeros(size, ENVELOPE_BANDS)
        mask = torch.zeros(size, dtype=torch.bool)
        for row, (number, at) in enumerate(frames):
            content[row], shape[row] = self.items[number].content[:, at], self.envelopes[number][at]
            mask[row] = True
        return content, shape if change is None else change(shape), mask


def has_held_out(folder: Path) -> bool:
    """Some speaker of the data is held out."""
    return any(_held_out(name) for path in folder.glob("*.safetensors") for name in names_in(path))


def _held_out(name: str) -> bool:
    return zlib.crc32(name.encode()) % HELD_OUT_EVERY == 0


def _cut(x: Tensor, start: int, length: int) -> Tensor:
    """A stretch of the last axis, filled up with zeros."""
    part = x[..., start : start + length]
    return torch.nn.functional.pad(part, (0, length - part.shape[-1]))
