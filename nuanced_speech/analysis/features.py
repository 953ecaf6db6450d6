"""What is measured of one segment of a recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.core.constants import ENERGY_OFFSET
from nuanced_speech.dsp.kin import with_kin
from nuanced_speech.dsp.spectral_balance import SpectralBalance
from nuanced_speech.voice.style import Style

SEGMENTS_IN_MEMORY = 16
"""Segments whose frames a cache holds: a segment's neighbours are asked for too, up to 30 s of them."""


@dataclass(frozen=True)
class SegmentFrames:
    """What a segment of ``T`` units of 25 ms has for each moment: nearly all of its memory.

    Attributes:
        wave: the segment at the level of Kokoro's own speech, ``[600 * T]`` at 24 kHz.
        content: text features as the content adapter regresses them, fp16 ``[512, T]``.
        log_probabilities: of the phoneme symbols, ``[T, 178]``.
        balance: spectral balance of the segment at that level, ``2T`` frames.
    """

    wave: np.ndarray
    content: Tensor
    log_probabilities: np.ndarray
    balance: SpectralBalance

    def load(self) -> "SegmentFrames":
        """Themselves: they are in memory."""
        return self


class FrameSource(Protocol):
    """Where the frames of a segment are: in memory (``SegmentFrames``), or in a file of a long work."""

    def load(self) -> SegmentFrames:
        """The frames."""
        ...


@dataclass(frozen=True)
class SegmentFeatures:
    """One analysed segment of ``T`` units of 25 ms.

    Attributes:
        segment: place in the recording.
        frames: the waveform and what else there is for each moment; read where it is needed.
        f0: Hz ``[2T]``, 0 where unvoiced.
        energy: log energy N of the segment at the level of Kokoro's own speech, ``[2T]``.
        style: the speaker's, with an extension where the timbre is extended.
        speaker: speaker embedding ``[256]`` of length 1; NaN where there is no speech.
        phonemes: phoneme string; empty where it is unknown.
        reference: speaker embedding ``[256]`` that adaptation aimed at; None without adaptation.
        kin: the phonemes are those of a language that Kokoro does not speak, so that each is as probable as its
            nearest kin.
    """

    segment: Segment
    frames: FrameSource
    f0: np.ndarray
    energy: np.ndarray
    style: Style
    speaker: np.ndarray
    phonemes: str = ""
    reference: Tensor | None = None
    kin: bool = False

    @property
    def wave(self) -> np.ndarray:
        """As ``SegmentFrames.wave``."""
        return self.frames.load().wave

    @property
    def content(self) -> Tensor:
        """As ``SegmentFrames.content``."""
        return self.frames.load().content

    @property
    def log_probabilities(self) -> np.ndarray:
        """As ``SegmentFrames.log_probabilities``, those of kin raised where ``kin`` says so."""
        measured = self.frames.load().log_probabilities
        return with_kin(measured) if self.kin else measured

    @property
    def balance(self) -> SpectralBalance:
        """As ``SegmentFrames.balance``."""
        return self.frames.load().balance

    @property
    def units(self) -> int:
        """Length in 25 ms units."""
        return self.segment.units

    @property
    def decoder_energy(self) -> np.ndarray:
        """Log energy N as the decoder is given it, ``[2T]``."""
        return self.energy + ENERGY_OFFSET


def mean_style(features: Sequence[SegmentFeatures]) -> Style:
    """Mean style of segments, weighted by length."""
    units = torch.tensor([float(f.units) for f in features], device=features[0].style.device)
    return Style.from_vector(units / units.sum() @ Style.stack([f.style for f in features]).vector)


def mean_speaker(features: Sequence[SegmentFeatures]) -> Tensor | None:
    """Mean speaker embedding ``[256]`` of segments, weighted by length, of length 1; None where there is no speech."""
    audible = [f for f in features if np.isfinite(f.speaker).all()]
    if not audible:
        return None
    units = torch.tensor([float(f.units) for f in audible])
    embeddings = torch.from_numpy(np.stack([f.speaker for f in audible]))
    return normalize(units @ embeddings, dim=0).to(audible[0].style.device)
