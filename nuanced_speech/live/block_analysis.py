"""A block of a stream to what a decoder is given, analysed with the sound around it."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.core.constants import (
    ENERGY_OFFSET,
    FEATURE_FRAMES_PER_UNIT,
    FRAMES_PER_UNIT,
    HOP_LENGTH,
    SAMPLES_PER_UNIT,
    WHISPER_SAMPLE_RATE,
)
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder_voice import Reference, envelopes
from nuanced_speech.models.whisper_stream import StreamConfig, WhisperStream


@dataclass(frozen=True, eq=False)
class BlockFeatures:
    """Features of a block of ``T`` units.

    Attributes:
        content: text features ``[1, 512, T]``.
        f0: Hz ``[2T]``, 0 where unvoiced.
        energy: N as Kokoro predicts it ``[2T]``.
        envelope: spectral envelopes ``[1, 2T, 64]`` for decoders that follow the source; else None.
        reference: the units as ``T`` frames of the speaker for these decoders; else None.
    """

    content: Tensor
    f0: np.ndarray
    energy: np.ndarray
    envelope: Tensor | None = None
    reference: Reference | None = None


GRAIN = 4
"""Units after which a frame of Whisper's begins where a unit does: blocks begin at multiples of it."""


class BlockAnalyzer:
    """Measures blocks. Threads may share it.

    Args:
        models: Whisper, content adapter, Kokoro's text encoder.
        content: mixes regressed and recognised text features; made of ``models`` if omitted.
        carried: what Whisper's encoder keeps from block to block.
    """

    def __init__(
        self, models: ModelBank, content: ContentEstimator | None = None, carried: StreamConfig = StreamConfig()
    ) -> None:
        self.models, self.content, self.carried = models, content or ContentEstimator(models), carried

    def stretch(self) -> "StretchAnalyzer":
        """What measures the blocks of a new stretch of speech."""
        whisper, layer = self.models.feature_extractor, self.models.content_adapter.config.layer
        return StretchAnalyzer(self.models, self.content, WhisperStream(whisper, layer, self.carried))


class StretchAnalyzer:
    """Measures the blocks of one stretch of speech. For one thread at a time.

    Args:
        models: content adapter, Kokoro's text encoder.
        content: mixes regressed and recognised text features.
        whisper: features of the stretch.
    """

    def __init__(self, models: ModelBank, content: ContentEstimator, whisper: WhisperStream) -> None:
        self.models, self.content, self.whisper = models, content, whisper

    @torch.no_grad()
    def __call__(self, window: np.ndarray, start: int, units: slice, followed: bool = False) -> BlockFeatures:
        """Features of the next block, at the level of Kokoro's speech.

        Args:
            window: the block and the sound around it ``[600 * W]`` at 24 kHz.
            start: the window's first unit, a multiple of ``GRAIN``, counted from the beginning of the first window.
            units: those of the window that are the block.
            followed: the decoder follows the source, so that envelopes are measured.
        """
        models, count = self.models, len(window) // SAMPLES_PER_UNIT
        wave_16k, adapter = to_16k(window), models.content_adapter
        first, settled = (math.floor(k * FEATURE_FRAMES_PER_UNIT) for k in (start, start + units.stop))
        encoded = self.whisper(wave_16k, first, settled)[: math.ceil(count * FEATURE_FRAMES_PER_UNIT)]
        regressed = adapter(encoded[None], torch.tensor([count], device=models.device))
        content = regressed.content.float()
        if self.content.sharpness:
            content = self.content.mixed(content, regressed.logits[0].T.log_softmax(-1).cpu().numpy())
        frames = slice(units.start * FRAMES_PER_UNIT, units.stop * FRAMES_PER_UNIT)
        curve = f0(wave_16k, WHISPER_SAMPLE_RATE)[frames]
        level, envelope, reference = energy(window)[frames] + ENERGY_OFFSET, None, None
        if followed:
            wave = torch.from_numpy(window)[None].to(content.device)
            envelope, shape = envelopes(wave, HOP_LENGTH)[:, frames], envelopes(wave)[:, units]
            mask = torch.ones(shape.shape[:2], dtype=torch.bool, device=shape.device)
            reference = Reference(regressed.content.float().transpose(1, 2)[:, units], shape, mask)
        return BlockFeatures(content[..., units], curve, level, envelope, reference)
