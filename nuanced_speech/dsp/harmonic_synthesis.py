"""Short-time spectra of a pulse train and of noise, and sound of short-time spectra, on the grid of F0 and energy.

Frame k of 1200 samples is centred on the middle of the 300 samples that F0 and energy k speak of.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.core.constants import HOP_LENGTH, SAMPLE_RATE
from nuanced_speech.dsp.pulse_train import pulse_train

N_FFT = 4 * HOP_LENGTH
EDGE = (N_FFT - HOP_LENGTH) // 2
NOISE_SAMPLES = 4 * SAMPLE_RATE
"""Noise repeats after so many samples, which nobody notices, so that a stream needs no more state than its place."""


@dataclass(frozen=True)
class SourceSpectra:
    """Complex spectra ``[B, F, 601]`` whose mean power is about 1 where there is any: of pulses and of white noise."""

    pulses: Tensor
    noise: Tensor


def source_spectra(f0: Tensor, seed: int = 0, start: int = 0) -> SourceSpectra:
    """Spectra for ``f0 [B, F]`` in Hz, 0 where unvoiced.

    Args:
        f0: Hz.
        seed: of the noise; all items of a batch have the same.
        start: frame of a stream that ``f0`` begins with.
    """
    pulses = pulse_train(f0, HOP_LENGTH, SAMPLE_RATE)
    where = torch.arange(start * HOP_LENGTH - EDGE, (start + f0.shape[1]) * HOP_LENGTH + EDGE, device=f0.device)
    noise = _noise(seed).to(f0.device)[where % NOISE_SAMPLES]
    return SourceSpectra(_spectra(F.pad(pulses, (EDGE, EDGE))), _spectra(noise[None]).expand(len(f0), -1, -1))


def synthesize(real: Tensor, imag: Tensor) -> Tensor:
    """Waveform ``[B, 300 * F]`` of spectra ``[B, F, 601]`` in the scale of ``source_spectra``: windowed overlap-add
    (Griffin and Lim 1984)."""
    window = _window(real.device)
    frames = torch.fft.irfft(torch.complex(real, imag), N_FFT) * window
    count = frames.shape[1]
    parts = frames.unflatten(-1, (N_FFT // HOP_LENGTH, HOP_LENGTH))
    late = parts.shape[2] - 1
    summed = torch.stack([F.pad(parts[:, :, k], (0, 0, k, late - k)) for k in range(late + 1)]).sum(0)
    # squared Hann windows that overlap fourfold sum to 1.5 everywhere
    wave = summed.flatten(1) * (_norm(real.device) / 1.5)
    return wave[:, EDGE : EDGE + count * HOP_LENGTH]


def _spectra(wave: Tensor) -> Tensor:
    return torch.fft.rfft(wave.unfold(-1, N_FFT, HOP_LENGTH) * _window(wave.device)) / _norm(wave.device)


def _window(device: torch.device) -> Tensor:
    return torch.hann_window(N_FFT, device=device)


def _norm(device: torch.device) -> Tensor:
    return _window(device).square().sum().sqrt()


@lru_cache(maxsize=4)
def _noise(seed: int) -> Tensor:
    return torch.randn(NOISE_SAMPLES, generator=torch.Generator().manual_seed(seed))
