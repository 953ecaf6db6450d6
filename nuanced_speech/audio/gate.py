"""The gate that tells speech from pauses by level: a frame is active when it is loud enough beside the loud ones."""

import numpy as np

LOUD_PERCENTILE = 95.0
"""Percentile of the frames' levels that stands for loud speech."""
_FRAMES_AT_ONCE = 1 << 12


def decibels(power: np.ndarray | float, floor: float = 1e-10) -> np.ndarray:
    """Power ratios of any shape in dB; ``floor`` is added first, so that silence is finite."""
    return 10 * np.log10(power + floor)


def frame_levels(wave: np.ndarray, size: int) -> np.ndarray:
    """RMS level in dBFS, float64 ``[len(wave) // size]``, of frames of ``size`` samples of a waveform ``[T]``."""
    frames = np.asarray(wave)[: len(wave) // size * size].reshape(-1, size)
    return decibels(frame_powers(frames, np.float64))


def frame_powers(frames: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """Mean power ``[N]`` of each of ``frames [N, size]``, computed in ``dtype`` and in bounded memory."""
    powers: np.ndarray = np.empty(len(frames), dtype)
    for begin in range(0, len(frames), _FRAMES_AT_ONCE):
        part = frames[begin : begin + _FRAMES_AT_ONCE]
        powers[begin : begin + len(part)] = np.mean(part.astype(dtype) ** 2, axis=1)
    return powers


def active_frames(level_db: np.ndarray, below_db: float, reference_db: float | None = None) -> np.ndarray:
    """Which frames are speech, bool ``[frames]``: those less than ``below_db`` below the reference.

    Args:
        level_db: ``[frames]``, at least one, in dB.
        below_db: range of levels that counts as speech.
        reference_db: level of loud speech; the 95th percentile of the frames by default.
    """
    if reference_db is None:
        reference_db = float(np.percentile(level_db, LOUD_PERCENTILE))
    return level_db > reference_db - below_db
