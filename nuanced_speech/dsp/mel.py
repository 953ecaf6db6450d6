"""Mel filter banks, and the mel spectrogram that acoustic models predict and vocoders synthesize from.

The numbers of the spectrogram are those of HiFi-GAN (Kong et al. 2020) and Tacotron 2 (Shen et al. 2018) on LJSpeech,
so models trained elsewhere on these data fit: 22,050 Hz, 80 bands up to 8 kHz, natural logarithm of the magnitude,
floor 1e-5.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Scale = Literal["htk", "slaney"]
"""The mel scale of HTK (O'Shaughnessy 1987), or Slaney's (1998), which is linear up to 1 kHz."""

# Slaney's scale: 1 kHz is 15 mel, and 27 steps above it multiply the frequency by 6.4.
_BREAK_HZ, _BREAK_MEL, _STEPS, _RATIO = 1000.0, 15.0, 27.0, 6.4


def hertz_to_mel(hertz: np.ndarray | float, scale: Scale = "htk") -> np.ndarray:
    """Frequencies in Hz, of any shape, in mel."""
    hertz = np.asarray(hertz, np.float64)
    if scale == "htk":
        return 2595 * np.log10(1 + hertz / 700)
    above = _BREAK_MEL + np.log(np.maximum(hertz, _BREAK_HZ) / _BREAK_HZ) * (_STEPS / np.log(_RATIO))
    return np.where(hertz < _BREAK_HZ, 3 * hertz / 200, above)


def mel_to_hertz(mel: np.ndarray | float, scale: Scale = "htk") -> np.ndarray:
    """The inverse of ``hertz_to_mel``."""
    mel = np.asarray(mel, np.float64)
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    above = _BREAK_HZ * np.exp((np.log(_RATIO) / _STEPS) * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, 200 * mel / 3, above)


def triangles(corners: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Triangular bands of height 1 ``[N, bins]``: band k rises from corner k to k + 1 and falls to corner k + 2.

    Args:
        corners: ``[N + 2]``, increasing.
        frequencies: of the bins ``[bins]``, in the unit of the corners.
    """
    rise = (frequencies - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    fall = (corners[2:, None] - frequencies) / (corners[2:] - corners[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall))


@lru_cache
def mel_filters(
    n_fft: int,
    n_mels: int,
    nominal_rate: int,
    low_hz: float = 0.0,
    high_hz: float | None = None,
    scale: Scale = "slaney",
    norm: Literal["peak", "area", "mean"] = "area",
) -> np.ndarray:
    """A bank of triangular bands, evenly spaced on a mel scale; a cached array that cannot be written to.

    Args:
        n_fft: samples of a Fourier frame.
        n_mels: bands.
        nominal_rate: sample rate in Hz that the bins' frequencies are computed from.
        low_hz, high_hz: edges of the lowest and the highest band; the latter is half the rate by default.
        scale: of the spacing.
        norm: ``peak`` for bands of height 1, ``area`` for bands of equal area in Hz (Slaney's), ``mean`` for weights
            that sum to 1, without the bands that are too narrow to hold a bin.

    Returns:
        float32 ``[n_mels, n_fft // 2 + 1]``; fewer rows for ``mean`` where bands are empty.
    """
    low, high = hertz_to_mel(low_hz, scale), hertz_to_mel(nominal_rate / 2 if high_hz is None else high_hz, scale)
    corners = mel_to_hertz(np.linspace(low, high, n_mels + 2), scale)
    bank = triangles(corners, np.linspace(0, nominal_rate // 2, n_fft // 2 + 1))
    if norm == "area":
        bank = bank * (2 / (corners[2:] - corners[:-2]))[:, None]
    # An array: a tensor cached by a first call under inference mode could never be used with gradients.
    bank = bank.astype(np.float32)
    if norm == "mean":
        # bin after bin: the order of addition that packaged models were trained with
        weight = torch.from_numpy(np.asfortranarray(bank)).sum(dim=1, keepdim=True).numpy()
        bank = (bank / np.where(weight > 0, weight, 1))[weight[:, 0] > 0]
    bank.setflags(write=False)
    return bank


@dataclass(frozen=True)
class MelConfig:
    """A mel spectrogram.

    Attributes:
        sample_rate: Hz.
        n_fft: samples in a frame, and in its window.
        hop_length: samples from frame to frame.
        n_mels: bands.
        fmin, fmax: edges of the lowest and the highest band, Hz.
        floor: magnitudes below it count as it.
        centred: frame k is centred on sample ``k * hop_length`` instead of half a hop later, so there is one more.
        htk: HTK's mel scale with bands of equal height instead of Slaney's with bands of equal area.
    """

    sample_rate: int = 22050
    n_fft: int = 1024
    hop_length: int = 256
    n_mels: int = 80
    fmin: float = 0.0
    fmax: float = 8000.0
    floor: float = 1e-5
    centred: bool = False
    htk: bool = False

    def frames(self, samples: int) -> int:
        """Number of frames of a waveform of so many samples."""
        return samples // self.hop_length + self.centred


MEL = MelConfig()


def magnitude(wave: Tensor, config: MelConfig = MEL) -> Tensor:
    """Magnitudes ``[B, n_fft // 2 + 1, frames]`` of ``wave [B, T]``."""
    edge = config.n_fft // 2 if config.centred else (config.n_fft - config.hop_length) // 2
    padded = F.pad(wave[:, None], (edge, edge), mode="reflect" if wave.shape[1] > edge else "constant")[:, 0]
    window = torch.hann_window(config.n_fft, device=wave.device)
    stft = torch.stft(padded, config.n_fft, config.hop_length, window=window, center=False, return_complex=True)
    # under the root, for a gradient that is finite in silence
    return (stft.real.square() + stft.imag.square() + 10 * config.floor**2).sqrt()


def mel_spectrogram(wave: Tensor, config: MelConfig = MEL) -> Tensor:
    """Log mel spectrogram ``[B, n_mels, frames]`` of ``wave [B, T]`` in [-1, 1] at the configured rate.

    ``frames`` is ``config.frames(T)``.
    """
    bands = mel_bank(config).to(wave.device)
    return (bands @ magnitude(wave, config)).clamp(min=config.floor).log()


def mel_bank(config: MelConfig = MEL) -> Tensor:
    """The bands of a mel spectrogram ``[n_mels, n_fft // 2 + 1]``, a new tensor each time."""
    sizes = config.n_fft, config.n_mels, config.sample_rate, config.fmin, config.fmax
    return torch.tensor(mel_filters(*sizes, "htk", "peak") if config.htk else mel_filters(*sizes))
