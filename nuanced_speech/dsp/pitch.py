"""F0 contours: their centre, and their transposition."""

import numpy as np


def median_log_f0(f0: np.ndarray) -> float:
    """Median of log2 F0 over the voiced frames; NaN where nothing is voiced."""
    voiced = f0[f0 > 0]
    return float(np.median(np.log2(voiced))) if len(voiced) else float("nan")


def transpose(f0: np.ndarray, octaves: float) -> np.ndarray:
    """F0 in Hz moved by so many octaves; 0 stays 0."""
    return (f0 * 2.0**octaves).astype(np.float32)
