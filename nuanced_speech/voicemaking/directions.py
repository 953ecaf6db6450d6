"""Directions of the style space along which attributes change, and the step to requested attributes.

Attributes are modelled as linear in the style, so the step is the exact solution of a least-squares problem: requested
attributes reach their targets, the others stay, and a Gaussian prior over the stock voices' styles keeps the voice near
real ones.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from safetensors import safe_open

from nuanced_speech.voicemaking.attributes import WEIGHTS

# Costs per standard deviation: of a missed target, of a change in another attribute, of the step, and of the distance
# from the mean voice. A third of STEP and PRIOR lowers the Distill-MOS of "whispery young woman, fast" from 4.1 to 2.9.
ASKED, UNASKED, STEP, PRIOR = 1.0, 0.1, 0.03, 0.015


@dataclass(frozen=True)
class Directions:
    """Attributes as linear functions of the style.

    Attributes:
        mean: style of the average voice ``[256]``.
        basis: ``[256, 256]``; ``mean + basis @ z`` with standard normal ``z`` varies a little more than the stock
            voices do, with timbre and prosody independent of each other.
        weights: change of each attribute, in its own unit, along each column of the basis ``[9, 256]``.
        correlations: between predicted and measured attributes on stock voices that were not fitted ``[9]``.
    """

    mean: np.ndarray
    basis: np.ndarray
    weights: np.ndarray
    correlations: np.ndarray

    def whitened(self, style: np.ndarray) -> np.ndarray:
        """``z`` of a style ``[256]``, or of styles in columns ``[256, N]``."""
        return np.linalg.solve(self.basis, (style.T - self.mean).T)

    def step(self, style: np.ndarray, change: np.ndarray, asked: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """The step ``[256]`` from a style ``[256]`` that changes attributes as requested.

        Args:
            style: start.
            change: change of each attribute, in its own unit, ``[9]``.
            asked: whether each attribute is requested; the costs of the others are lower, ``[9]``.
            spread: standard deviation of each attribute ``[9]``.
        """
        slope = self.weights / spread[:, None]
        costs = np.where(asked, ASKED, UNASKED)
        start = self.whitened(style)
        matrix = (slope * costs[:, None]).T @ slope + (STEP + PRIOR) * np.eye(len(start))
        return self.basis @ np.linalg.solve(matrix, slope.T @ (costs * change / spread) - PRIOR * start)


@lru_cache
def directions() -> Directions:
    """The packaged directions."""
    names = ("mean", "basis", "weights", "correlations")
    with safe_open(WEIGHTS, "pt") as file:
        return Directions(*(file.get_tensor(f"directions.{name}").float().numpy() for name in names))
