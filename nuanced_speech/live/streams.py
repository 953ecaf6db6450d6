"""What goes in and comes out of a live conversion, whatever its mode."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class LiveAudio:
    """Converted audio.

    Attributes:
        wave: float32 ``[T]`` at 24 kHz.
        start: sample of the source, at 24 kHz, that its first sample belongs to.
        needed: samples of the source that it needed: the end of its phrase, or of its block with what was looked ahead.
        block_seconds: length of its block, which grows where the machine cannot follow; 0 for a phrase.
    """

    wave: np.ndarray
    start: int
    needed: int
    block_seconds: float = 0.0


class LiveStream(Protocol):
    """Converts a stream of audio. One thread at a time may use it."""

    def __call__(self, samples: np.ndarray) -> Iterator[LiveAudio]:
        """What ``samples [T]`` at 24 kHz, which follow those of the last call, make ready."""
        ...

    def finish(self) -> Iterator[LiveAudio]:
        """The rest, after the end of the source."""
        ...
