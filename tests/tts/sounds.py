"""Sounds that the tests of corpora share."""

from __future__ import annotations

import numpy as np

RATE = 22050


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)
