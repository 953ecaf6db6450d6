"""A sound that the tests of files share."""

from __future__ import annotations

import numpy as np


def tone(seconds: float, sample_rate: int, frequency: float = 440.0, amplitude: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.float32)
