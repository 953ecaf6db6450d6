"""Envelopes of a recording as if another speaker had made it, for decoders that learn to follow a source."""

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core.constants import ENVELOPE_BANDS
from nuanced_speech.models.decoder_voice import envelope_hz

LARGEST_WARP = 0.22
"""Natural logarithm of the largest change of formants: about a man's and a woman's."""
TILT, RIPPLES = 0.5, 3
"""Standard deviation of each of so many slow cosines over the bands, in natural logarithms (4 dB)."""
AS_IT_IS = 0.25
"""Share that is not changed: the own voice."""


class OtherSpeaker:
    """One change of envelopes: formants moved by one factor, and a curve added (vocal tract length perturbation, Jaitly
    and Hinton 2013).

    Args:
        rng: random numbers that the change is drawn with.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        warp, ripples = rng.uniform(-LARGEST_WARP, LARGEST_WARP), rng.normal(0, TILT, RIPPLES)
        same = rng.random() < AS_IT_IS
        self.bands = torch.eye(ENVELOPE_BANDS) if same else torch.from_numpy(_warping(float(np.exp(warp))))
        positions = (np.arange(ENVELOPE_BANDS) + 0.5) / ENVELOPE_BANDS * np.pi
        curve = sum(size * np.cos(k * positions) for k, size in enumerate(ripples, 1))
        self.curve = torch.from_numpy(np.asarray(0 * curve if same else curve, np.float32))

    def __call__(self, envelope: Tensor) -> Tensor:
        """Envelopes ``[..., 64]`` of the changed speech, less their mean over the bands."""
        changed = envelope @ self.bands + self.curve
        return changed - changed.mean(-1, keepdim=True)


def _warping(factor: float) -> np.ndarray:
    """A matrix ``[64, 64]`` by which ``envelope @ matrix`` has its formants at ``factor`` times their frequency."""
    centres = envelope_hz()
    rows = [np.interp(centres / factor, centres, row) for row in np.eye(ENVELOPE_BANDS)]
    return np.stack(rows).astype(np.float32)
