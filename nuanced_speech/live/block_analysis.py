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
    SAMPLES_PER_UNIT,
    WHISPER_SAMPLE_RATE,
)
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.models.bank import ModelBank


@dataclass(frozen=True, eq=False)
class BlockFeatures:
    """Features of a block of ``T`` units.

    Attributes:
        content: text features ``[1, 512, T]``.
        f0: Hz ``[2T]``, 0 where unvoiced.
        energy: N as Kokoro predicts it ``[2T]``.
    """

    content: Tensor
    f0: np.ndarray
    energy: np.ndarray


class BlockAnalyzer:
    """Measures blocks. Threads may share it.

    Args:
        models: Whisper, content adapter, Kokoro's text encoder.
        content: mixes regressed and recognised text features; made of ``models`` if omitted.
    """

    def __init__(self, models: ModelBank, content: ContentEstimator | None = None) -> None:
        self.models, self.content = models, content or ContentEstimator(models)

    @torch.no_grad()
    def __call__(self, window: np.ndarray, units: slice) -> BlockFeatures:
        """Features of some units of ``window [600 * W]`` at 24 kHz, at the level of Kokoro's speech."""
        models, count = self.models, len(window) // SAMPLES_PER_UNIT
        wave_16k, adapter = to_16k(window), models.content_adapter
        encoded = models.feature_extractor.features(wave_16k, (adapter.config.layer,))
        encoded = encoded[: math.ceil(count * FEATURE_FRAMES_PER_UNIT)]
        regressed = adapter(encoded[None], torch.tensor([count], device=models.device))
        likely = regressed.logits[0].T.log_softmax(-1).cpu().numpy()
        content = self.content.mixed(regressed.content.float(), likely)
        frames = slice(units.start * FRAMES_PER_UNIT, units.stop * FRAMES_PER_UNIT)
        return BlockFeatures(
            content[..., units], f0(wave_16k, WHISPER_SAMPLE_RATE)[frames], energy(window)[frames] + ENERGY_OFFSET
        )
