"""The bell that contours are smoothed under."""

import numpy as np


def bell(width: int) -> np.ndarray:
    """Weights of a Hann window without its zeros, float64 ``[width]``, that sum to 1."""
    kernel = np.hanning(width + 2)[1:-1]
    return kernel / kernel.sum()
