"""How F0, pace and loudness move from one speaker to another."""

import numpy as np

from nuanced_speech.prosody.energy import energy

SEMITONES = 12
# A contour of N differs from one of amplitude by this factor: N is the log of a power.
_POWER = 2.0
# What is too loud is made quieter as far as need be; what is too quiet is mostly the synthesizer's noise in a pause.
_MIN_GAIN_DB, _MAX_GAIN_DB = -24.0, 12.0
_SMOOTHING_FRAMES = 3
# A window of N sees its neighbours too, so one correction falls short.
_PASSES = 2


def median_log_f0(f0: np.ndarray) -> float:
    """Median of log2 F0 over the voiced frames; NaN where nothing is voiced."""
    voiced = f0[f0 > 0]
    return float(np.median(np.log2(voiced))) if len(voiced) else float("nan")


def transpose(f0: np.ndarray, octaves: float) -> np.ndarray:
    """F0 in Hz moved by so many octaves; 0 stays 0."""
    return (f0 * 2.0**octaves).astype(np.float32)


def match_loudness(wave: np.ndarray, wanted: np.ndarray, hop_length: int = 300) -> np.ndarray:
    """Correct a waveform's loudness contour to a wanted one, by -24 to 12 dB and never faster than a phoneme.

    Args:
        wave: ``[hop_length * frames]`` at 24 kHz.
        wanted: N, ``[frames]`` at 80 Hz.
    """
    lowest, highest = (decibels / 20 * np.log(10) for decibels in (_MIN_GAIN_DB, _MAX_GAIN_DB))
    kernel = np.hanning(_SMOOTHING_FRAMES + 2)[1:-1]
    times = np.arange(len(wave)) / hop_length
    corrected, gain = wave, np.zeros(min(len(wave) // hop_length, len(wanted)))
    for _ in range(_PASSES):
        gain = gain + (wanted[: len(gain)] - energy(corrected)[: len(gain)]) / _POWER
        gain = np.pad(np.clip(gain, lowest, highest), _SMOOTHING_FRAMES // 2, mode="edge")
        gain = np.convolve(gain, kernel / kernel.sum(), "valid")
        corrected = (wave * np.exp(np.interp(times, np.arange(len(gain)), gain))).astype(np.float32)
    return corrected


def warp(source: np.ndarray, target: np.ndarray, frames_per_unit: int = 2) -> np.ndarray:
    """For every 80 Hz frame of a new rhythm, the source's frame at the same place within the same phoneme.

    Args:
        source, target: durations of the same phonemes in 25 ms units, ``[P]``.

    Returns:
        indices ``[2 * sum(target)]`` into ``[2 * sum(source)]``.
    """
    ends = [np.concatenate([[0], np.cumsum(durations)]) * frames_per_unit for durations in (source, target)]
    frames = np.arange(ends[1][-1]) + 0.5
    place = np.interp(frames, ends[1], ends[0])
    return np.clip(place.astype(int), 0, max(ends[0][-1] - 1, 0))
