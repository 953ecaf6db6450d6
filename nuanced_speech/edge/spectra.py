"""Short-time spectra of waveforms, as the networks were trained on them."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nuanced_speech.core.constants import HOP_LENGTH, SAMPLE_RATE, WHISPER_SAMPLE_RATE
from nuanced_speech.dsp import pitch_path
from nuanced_speech.dsp.frames import frame_count

WHISPER_FFT, WHISPER_HOP = 400, 160
ENERGY_FFT, ENERGY_WINDOW = 2048, SAMPLE_RATE // 20
FEATURE_HOP = 2 * WHISPER_HOP


def hann(size: int) -> np.ndarray:
    """A periodic Hann window, float32 ``[size]``."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


def stft(wave: np.ndarray, n_fft: int, hop_length: int, window: np.ndarray) -> np.ndarray:
    """Complex spectra ``[frames, n_fft // 2 + 1]`` of all whole frames of ``wave [T]``."""
    return np.fft.rfft(sliding_window_view(wave, n_fft)[::hop_length] * window)


def power(spectra: np.ndarray) -> np.ndarray:
    """Squared magnitudes, float32."""
    return (spectra.real**2 + spectra.imag**2).astype(np.float32)


def encoder_power(wave: np.ndarray, margin_seconds: float) -> tuple[np.ndarray, slice]:
    """What the encoder is given, and which rows of its features are the clip's.

    Args:
        wave: ``[T]`` at 16 kHz.
        margin_seconds: silence on both sides.

    Returns:
        power spectra ``[1, 201, 2F]`` at 100 Hz, and a slice of F rows at 50 Hz.
    """
    margin, frames = int(margin_seconds * WHISPER_SAMPLE_RATE), -(-len(wave) // FEATURE_HOP)
    padded = np.pad(wave, (margin, margin + frames * FEATURE_HOP - len(wave)))
    count = len(padded) // WHISPER_HOP
    padded = np.pad(padded, WHISPER_FFT // 2, mode="reflect")
    spectra = stft(padded, WHISPER_FFT, WHISPER_HOP, hann(WHISPER_FFT))[:count]
    first = margin // FEATURE_HOP
    return np.ascontiguousarray(power(spectra).T)[None], slice(first, first + frames)


def energy_power(wave: np.ndarray) -> np.ndarray:
    """Power spectra ``[1, 1025, 2 * ceil(T / 600)]`` of ``wave [T]`` at 24 kHz, for its energy."""
    frames = frame_count(len(wave))
    padded = np.pad(wave, (0, frames * HOP_LENGTH - len(wave)))
    padded = np.pad(padded, ENERGY_FFT // 2, mode="reflect" if len(padded) > ENERGY_FFT // 2 else "constant")
    edge = (ENERGY_FFT - ENERGY_WINDOW) // 2
    window = np.pad(hann(ENERGY_WINDOW), edge)
    return np.ascontiguousarray(power(stft(padded, ENERGY_FFT, HOP_LENGTH, window)[:frames]).T)[None]


def envelope_power(wave: np.ndarray, hop: int) -> np.ndarray:
    """Power spectra ``[1, 601, F]`` of ``wave [hop * F]`` at 24 kHz, for its envelopes."""
    size = 4 * HOP_LENGTH
    spectra = stft(np.pad(wave, (size - hop) // 2), size, hop, hann(size))
    return np.ascontiguousarray(power(spectra).T)[None]


def pitch_magnitudes(wave: np.ndarray) -> list[np.ndarray]:
    """Magnitude spectra ``[n_fft // 2 + 1, T // 256 + 1]`` of ``wave [T]`` at 16 kHz, for its pitch; frame k is centred
    at sample 256 k."""
    frames, every = len(wave) // pitch_path.HOP_LENGTH + 1, []
    for n_fft in pitch_path.N_FFTS:
        end = (frames - 1) * pitch_path.HOP_LENGTH + n_fft // 2
        padded = np.pad(wave, (n_fft // 2, max(end - len(wave), 0)))
        spectra = stft(padded, n_fft, pitch_path.HOP_LENGTH, hann(n_fft))[:frames]
        every.append(np.ascontiguousarray(np.sqrt(power(spectra)).T))
    return every
