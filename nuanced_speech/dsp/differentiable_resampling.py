"""Change of sample rate with gradients, for searches and losses; recordings go through ``audio.resampling``."""

import torch
from torch import Tensor


def at_whisper_rate(wave: Tensor) -> Tensor:
    """``wave [B, T]`` at 24 kHz, T a multiple of 3, at 16 kHz ``[B, 2T / 3]``, with gradients."""
    length = wave.shape[-1] * 2 // 3
    return torch.fft.irfft(torch.fft.rfft(wave)[..., : length // 2 + 1], length) * (2 / 3)
