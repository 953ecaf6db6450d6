"""Log mel filter bank energies as Kaldi computes them (Povey et al. 2011), which speaker networks are trained on."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.dsp.mel import hertz_to_mel, triangles

FLOOR = float(torch.finfo(torch.float32).eps)


@dataclass(frozen=True)
class FbankConfig:
    """Settings of a filter bank; the defaults are those that CAM++ was trained with.

    Attributes:
        sample_rate: Hz.
        window: samples in a frame.
        hop_length: samples from frame to frame.
        n_fft: samples of the Fourier transform; frames are padded with zeros at their end.
        bands: number of mel bands.
        low_hz: lower edge of the lowest band. The upper edge of the highest is half the sample rate.
        pre_emphasis: share of the sample before that is subtracted from each sample.
    """

    sample_rate: int = 16_000
    window: int = 400
    hop_length: int = 160
    n_fft: int = 512
    bands: int = 80
    low_hz: float = 20.0
    pre_emphasis: float = 0.97


FBANK = FbankConfig()


def fbank(wave: Tensor, config: FbankConfig = FBANK) -> Tensor:
    """Natural logarithms of mel energies ``[frames, bands]`` of ``wave [T]`` in [-1, 1], without dither.

    Only whole frames are used (Kaldi's ``snip_edges``), so a waveform shorter than a window has none.
    """
    if len(wave) < config.window:
        return wave.new_zeros(0, config.bands)
    frames = wave.unfold(0, config.window, config.hop_length)
    frames = frames - frames.mean(1, keepdim=True)
    before = torch.cat([frames[:, :1], frames[:, :-1]], 1)  # the first sample stands before itself
    frames = (frames - config.pre_emphasis * before) * povey_window(config.window)
    power = torch.fft.rfft(F.pad(frames, (0, config.n_fft - config.window))).abs().square()
    return (power @ _bands(config).T).clamp(min=FLOOR).log()


def povey_window(length: int) -> Tensor:
    """Kaldi's default window ``[length]``: a symmetric Hann window to the power of 0.85."""
    return torch.hann_window(length, periodic=False, dtype=torch.float64).pow(0.85).float()


@lru_cache
def _bands(config: FbankConfig) -> Tensor:
    """Weights of the bands ``[bands, n_fft // 2 + 1]``: triangles of height 1 on the mel axis itself, not in Hz."""
    low, high = hertz_to_mel(config.low_hz), hertz_to_mel(config.sample_rate / 2)
    bins = hertz_to_mel(np.arange(config.n_fft // 2 + 1) * config.sample_rate / config.n_fft)
    return torch.from_numpy(triangles(np.linspace(low, high, config.bands + 2), bins).astype(np.float32))
