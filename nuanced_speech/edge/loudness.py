"""Loudness contours: what ``dsp.loudness`` does, with the energy measured by a graph."""

from collections.abc import Callable

import numpy as np

from nuanced_speech.core.constants import HOP_LENGTH
from nuanced_speech.dsp.smoothing import bell

Measure = Callable[[np.ndarray], np.ndarray]
"""``wave [300 * frames]`` to its energy N ``[frames]``."""

DECIBELS = 10 / np.log(10)
_MIN_GAIN_DB, _MAX_GAIN_DB, _SMOOTHING_FRAMES, _PASSES = -24.0, 12.0, 3, 2
_PAUSE_RANGE, _PAUSE_DEPTH, _PAUSE_GAIN_DB, _PAUSE_FRAMES = 3.0, 5.5, -7.5, 7


def expander_gain(energy: np.ndarray) -> np.ndarray:
    """Gain in dB ``[frames]``, 0 at most, that makes the pauses of ``energy [frames]`` quieter."""
    floor, loud = np.quantile(energy, (0.05, 0.95))
    if loud - floor < _PAUSE_DEPTH:
        return np.zeros(len(energy))
    return _smooth(_PAUSE_GAIN_DB * np.clip(1 - (energy - floor) / _PAUSE_RANGE, 0, 1), _PAUSE_FRAMES)


def match_loudness(wave: np.ndarray, target: np.ndarray, measure: Measure) -> np.ndarray:
    """``wave [300 * frames]`` with the loudness contour ``target [frames]``, changed by -24 to 12 dB."""
    corrected, gain = wave, np.zeros(len(target))
    for _ in range(_PASSES):
        gain = gain + (target - measure(corrected)) * DECIBELS
        gain = _smooth(np.clip(gain, _MIN_GAIN_DB, _MAX_GAIN_DB), _SMOOTHING_FRAMES)
        corrected = amplify(wave, gain)
    return corrected


def amplify(wave: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """``wave [300 * frames]`` with a gain in dB for each frame."""
    decibels = np.interp(np.arange(len(wave)) / HOP_LENGTH, np.arange(len(gain)), gain)
    return (wave * 10 ** (decibels / 20)).astype(np.float32)


def _smooth(gain: np.ndarray, frames: int) -> np.ndarray:
    return np.convolve(np.pad(gain, frames // 2, mode="edge"), bell(frames), "valid")
