"""Samples as 16-bit integers, and back."""

import numpy as np

FULL_SCALE = 32768
"""What 1.0 is in audio files."""
CORPUS_SCALE = 32767
"""What 1.0 is in this project's own data sets and caches; both signs have the same range."""


def to_int16(wave: np.ndarray, full_scale: int = FULL_SCALE) -> np.ndarray:
    """The nearest 16-bit samples, int16, of a waveform of any shape; what lies beyond [-1, 1] is clipped.

    Truncation, which is usual elsewhere, moves every sample towards zero by half a step on average, and libsndfile
    takes the next lower step: both can be measured where a quiet recording pauses.
    """
    return np.clip(np.round(wave * full_scale), -full_scale, min(full_scale, 32767)).astype(np.int16)


def from_int16(samples: np.ndarray, full_scale: int = FULL_SCALE) -> np.ndarray:
    """float32 in [-1, 1] of 16-bit samples of any shape."""
    return samples.astype(np.float32) / np.float32(full_scale)
