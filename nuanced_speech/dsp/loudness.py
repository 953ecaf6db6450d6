"""Loudness contours: a waveform matched to a target contour, an expander for pauses, a low cut."""

import numpy as np
from scipy.signal import butter, sosfiltfilt

from nuanced_speech.core.constants import HOP_LENGTH, SAMPLE_RATE
from nuanced_speech.dsp.energy import DECIBELS, energy
from nuanced_speech.dsp.smoothing import bell

# Less is raised than lowered: what is too quiet is mostly the synthesizer's noise in a pause.
_MIN_GAIN_DB, _MAX_GAIN_DB = -24.0, 12.0
_SMOOTHING_FRAMES = 3
# In log power: what lies at most 13 dB above the quietest twentieth is a pause, if that is 24 dB below the loudest.
_PAUSE_RANGE, _PAUSE_DEPTH = 3.0, 5.5
# 0 dB leaves a recording's noise in the pauses, -15 dB costs likeness of the voice.
_PAUSE_GAIN_DB, _PAUSE_FRAMES = -7.5, 7
# Kokoro's decoder makes sound below all voices too, which counts as loudness wherever that is measured.
_LOW_CUT_HZ, _LOW_CUT_ORDER = 30.0, 4
# A window of N sees its neighbours too, so one correction falls short.
_PASSES = 2


def expander_gain(n: np.ndarray) -> np.ndarray:
    """Gain of a downward expander in dB, 0 at most, that makes the pauses of N quieter.

    A recording's pauses hold its noise, Kokoro's own are silent. Where the quietest frames are not far below the
    loudest there is no pause.

    Args:
        n: log energy as of ``energy``, ``[frames]``.

    Returns:
        float64 ``[frames]``.
    """
    if not len(n):
        return np.zeros(0)
    floor, loud = np.quantile(n, (0.05, 0.95))
    if loud - floor < _PAUSE_DEPTH:
        return np.zeros(len(n))
    gain = _PAUSE_GAIN_DB * np.clip(1 - (n - floor) / _PAUSE_RANGE, 0, 1)
    return _smooth(gain, _PAUSE_FRAMES)


def amplify(wave: np.ndarray, gain: np.ndarray, hop_length: int = HOP_LENGTH) -> np.ndarray:
    """A waveform ``[hop_length * frames]`` with a gain in dB for each frame."""
    decibels = np.interp(np.arange(len(wave)) / hop_length, np.arange(len(gain)), gain)
    return (wave * 10 ** (decibels / 20)).astype(np.float32)


def low_cut(wave: np.ndarray) -> np.ndarray:
    """``wave [T]`` at 24 kHz without what lies below 30 Hz, which is inaudible."""
    sections = butter(_LOW_CUT_ORDER, _LOW_CUT_HZ, "highpass", fs=SAMPLE_RATE, output="sos")
    return sosfiltfilt(sections, wave).astype(np.float32)


def match_loudness(wave: np.ndarray, target: np.ndarray, hop_length: int = HOP_LENGTH) -> np.ndarray:
    """Correct a waveform's loudness contour to a target, by -24 to 12 dB and never faster than a phoneme.

    Args:
        wave: ``[hop_length * frames]`` at 24 kHz.
        target: N, ``[frames]`` at 80 Hz.
    """
    corrected, gain = wave, np.zeros(min(len(wave) // hop_length, len(target)))
    for _ in range(_PASSES):
        gain = gain + (target[: len(gain)] - energy(corrected)[: len(gain)]) * DECIBELS
        gain = _smooth(np.clip(gain, _MIN_GAIN_DB, _MAX_GAIN_DB), _SMOOTHING_FRAMES)
        corrected = amplify(wave, gain, hop_length)
    return corrected


def _smooth(gain: np.ndarray, frames: int) -> np.ndarray:
    """``[frames]`` averaged under a bell of so many frames, an odd number."""
    return np.convolve(np.pad(gain, frames // 2, mode="edge"), bell(frames), "valid")
