"""Spectra of a pulse train and of noise, and sound of spectra: what ``dsp.harmonic_synthesis`` does."""

import numpy as np

from nuanced_speech.core.constants import HOP_LENGTH, SAMPLE_RATE
from nuanced_speech.edge.spectra import hann, stft

N_FFT = 4 * HOP_LENGTH
OVERLAP = N_FFT // HOP_LENGTH
EDGE = (N_FFT - HOP_LENGTH) // 2
# F0 where no voiced frame is known; nothing of it sounds.
_FILLED_HZ = 100.0
_WINDOW = hann(N_FFT)
_NORM = np.float32(np.sqrt((_WINDOW.astype(np.float64) ** 2).sum()))


def pulses(f0: np.ndarray) -> np.ndarray:
    """All harmonics of ``f0 [F]`` in Hz, equally loud, as a waveform float32 ``[300 * F]``; silent where F0 is 0."""
    last = np.maximum.accumulate(np.where(f0 > 0, np.arange(1, len(f0) + 1), 0))
    held = np.concatenate([[np.float32(_FILLED_HZ)], f0]).astype(np.float32)[last]
    place = (np.arange(len(f0) * HOP_LENGTH) + 0.5) / HOP_LENGTH - 0.5
    hertz = np.interp(place, np.arange(len(f0)), held).astype(np.float32).astype(np.float64)
    phase = np.remainder(np.cumsum(hertz / SAMPLE_RATE), 1.0) * (2 * np.pi)
    count = np.floor(SAMPLE_RATE / 2 / hertz)
    half = np.sin(phase / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        kernel = np.where(np.abs(half) < 1e-4, count, np.sin((count + 0.5) * phase) / (2 * half) - 0.5)
    return (kernel * np.sqrt(2 / count) * np.repeat(f0 > 0, HOP_LENGTH)).astype(np.float32)


def pulse_spectra(f0: np.ndarray) -> np.ndarray:
    """Complex spectra ``[F, 601]`` of the pulse train of ``f0 [F]``."""
    return stft(np.pad(pulses(f0), EDGE), N_FFT, HOP_LENGTH, _WINDOW) / _NORM


def noise_spectra(noise: np.ndarray, frames: int) -> np.ndarray:
    """Complex spectra ``[frames, 601]`` of noise ``[samples]`` that repeats."""
    samples = np.arange(-EDGE, frames * HOP_LENGTH + EDGE) % len(noise)
    return stft(noise[samples], N_FFT, HOP_LENGTH, _WINDOW) / _NORM


def synthesize(spectra: np.ndarray) -> np.ndarray:
    """Waveform float32 ``[300 * F]`` of complex spectra ``[F, 601]``: windowed overlap-add."""
    frames = np.fft.irfft(spectra, N_FFT).astype(np.float32) * _WINDOW
    parts = frames.reshape(len(frames), OVERLAP, HOP_LENGTH)
    summed = np.zeros((len(frames) + OVERLAP - 1, HOP_LENGTH), np.float32)
    for k in range(OVERLAP):
        summed[k : k + len(frames)] += parts[:, k]
    # squared Hann windows that overlap fourfold sum to 1.5 everywhere
    return (summed.reshape(-1) * (_NORM / np.float32(1.5)))[EDGE : EDGE + len(frames) * HOP_LENGTH]
