"""Frames of a speaker's recordings, by which the decoder knows a voice, and what is usual in the recording's own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nuanced_speech.core.constants import CONTENT_DIM, ENVELOPE_BANDS

MOST = 1200
"""Frames of 25 ms that the decoder is given at most: 30 s."""


@dataclass(frozen=True, eq=False)
class EdgeFrames:
    """``R`` frames of 25 ms.

    Attributes:
        content: text features ``[R, 512]``.
        envelope: spectral envelopes ``[R, 64]``.
    """

    content: np.ndarray
    envelope: np.ndarray

    @classmethod
    def split(cls, numbers: np.ndarray) -> "EdgeFrames":
        """Of rows that have both ``[R, 512 + 64]``."""
        return cls(numbers[:, :CONTENT_DIM], numbers[:, CONTENT_DIM:])

    def inputs(self, whose: str) -> dict[str, np.ndarray]:
        """What the decoder is given of them."""
        known = np.ones(1, np.float32)
        return {
            f"{whose}_content": self.content[None],
            f"{whose}_envelope": self.envelope[None],
            f"{whose}_known": known,
        }


def no_inputs(whose: str) -> dict[str, np.ndarray]:
    """What the decoder is given where there are no frames."""
    empty = EdgeFrames.split(np.zeros((1, CONTENT_DIM + ENVELOPE_BANDS), np.float32))
    return empty.inputs(whose) | {f"{whose}_known": np.zeros(1, np.float32)}


def nearest(frames: Sequence[EdgeFrames], at: int, most: int = MOST) -> EdgeFrames:
    """Frames of segments: of one of them first, then of the nearest others, so many at most."""
    order = sorted(range(len(frames)), key=lambda k: abs(k - at))
    before = np.cumsum([0] + [len(frames[k].content) for k in order])
    columns = ((frames[k].content, frames[k].envelope) for k, count in zip(order, before, strict=False) if count < most)
    content, envelope = (np.concatenate(column)[:most] for column in zip(*columns, strict=True))
    return EdgeFrames(content, envelope)
