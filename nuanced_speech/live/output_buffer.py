"""Converted audio on its way to a player that takes it in real time."""

import threading
from typing import Protocol

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE


class Playable(Protocol):
    """What a player takes sound from."""

    def take(self, count: int) -> np.ndarray:
        """The next samples ``[count]`` at 24 kHz, filled up with silence."""
        ...

    def __len__(self) -> int:
        """Samples that wait."""
        ...


class OutputBuffer:
    """Holds audio until a player takes it. Threads may share it.

    Args:
        reserve_seconds: silence before the first sound, at 24 kHz, so that sound which comes late leaves no break.

    Attributes:
        gaps: number of times that the player wanted more than there was, after a sound that had not ended in silence.
    """

    def __init__(self, reserve_seconds: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._held = np.zeros(0, np.float32)
        self._reserve = np.zeros(round(reserve_seconds * SAMPLE_RATE), np.float32)
        self._last = 0.0
        self.gaps = 0

    def put(self, wave: np.ndarray) -> None:
        """Add ``wave [T]`` at the end."""
        with self._lock:
            self._held = np.concatenate([self._held, self._reserve, wave.astype(np.float32)])
            self._reserve = self._reserve[:0]

    def take(self, count: int) -> np.ndarray:
        """The next samples ``[count]``, filled up with silence."""
        with self._lock:
            taken, self._held = self._held[:count], self._held[count:]
            if len(taken) < count and abs(taken[-1] if len(taken) else self._last) > 1e-3:
                self.gaps += 1
            self._last = float(taken[-1]) if len(taken) == count and count else 0.0
        return np.pad(taken, (0, count - len(taken)))

    def __len__(self) -> int:
        with self._lock:
            return len(self._held)
