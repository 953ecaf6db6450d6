"""Loudness contours: measured ones given to other audio, pauses made quieter, rumble cut."""

import numpy as np
from scipy.signal import butter, sosfiltfilt

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.dsp.energy import DECIBELS, energy
from nuanced_speech.dsp.smoothing import bell

# What is too loud is made quieter as far as need be; what is too quiet is mostly the synthesizer's noise in a pause.
_MIN_GAIN_DB, _MAX_GAIN_DB = -24.0, 12.0
_SMOOTHING_FRAMES = 3
# In log power: what lies at most 13 dB above the quietest twentieth is a pause, if that is 24 dB below the loudest. On
# 17 clips 0, 7.5 and 15 dB less gave an energy correlation of 0.937, 0.946 and 0.950, a SECS of 0.851, 0.847 and 0.841,
# an OVRL of 3.21, 3.21 and 3.20: the middle keeps most of all three. Correcting N to the quieter pauses instead, which
# is sharper, made OVRL 0.08 worse.
_PAUSE_RANGE, _PAUSE_DEPTH = 3.0, 5.5
_HUSH_DB, _HUSH_FRAMES = -7.5, 7
# Kokoro's decoder makes sound below all voices too, which counts as loudness wherever that is measured.
_LOW_CUT_HZ, _LOW_CUT_ORDER = 30.0, 4
# A window of N sees its neighbours too, so one correction falls short.
_PASSES = 2


def hush(n: np.ndarray) -> np.ndarray:
    """What makes the pauses of N ``[frames]`` quieter, in dB, 0 at most: a recording's hold its noise, Kokoro's own are
    silent. Where the quietest frames are not far below the loudest there is no pause.
    """
    if not len(n):
        return np.zeros(0)
    floor, loud = np.quantile(n, (0.05, 0.95))
    if loud - floor < _PAUSE_DEPTH:
        return np.zeros(len(n))
    gain = _HUSH_DB * np.clip(1 - (n - floor) / _PAUSE_RANGE, 0, 1)
    return _smooth(gain, _HUSH_FRAMES)


def amplify(wave: np.ndarray, gain: np.ndarray, hop_length: int = 300) -> np.ndarray:
    """A waveform ``[hop_length * frames]`` with a gain in dB for each frame."""
    decibels = np.interp(np.arange(len(wave)) / hop_length, np.arange(len(gain)), gain)
    return (wave * 10 ** (decibels / 20)).astype(np.float32)


def low_cut(wave: np.ndarray) -> np.ndarray:
    """``wave [T]`` at 24 kHz without what is too low to be heard."""
    sections = butter(_LOW_CUT_ORDER, _LOW_CUT_HZ, "highpass", fs=SAMPLE_RATE, output="sos")
    return sosfiltfilt(sections, wave).astype(np.float32)


def match_loudness(wave: np.ndarray, wanted: np.ndarray, hop_length: int = 300) -> np.ndarray:
    """Correct a waveform's loudness contour to a wanted one, by -24 to 12 dB and never faster than a phoneme.

    Args:
        wave: ``[hop_length * frames]`` at 24 kHz.
        wanted: N, ``[frames]`` at 80 Hz.
    """
    corrected, gain = wave, np.zeros(min(len(wave) // hop_length, len(wanted)))
    for _ in range(_PASSES):
        gain = gain + (wanted[: len(gain)] - energy(corrected)[: len(gain)]) * DECIBELS
        gain = _smooth(np.clip(gain, _MIN_GAIN_DB, _MAX_GAIN_DB), _SMOOTHING_FRAMES)
        corrected = amplify(wave, gain, hop_length)
    return corrected


def _smooth(gain: np.ndarray, frames: int) -> np.ndarray:
    """``[frames]`` averaged under a bell of so many frames, an odd number."""
    return np.convolve(np.pad(gain, frames // 2, mode="edge"), bell(frames), "valid")
