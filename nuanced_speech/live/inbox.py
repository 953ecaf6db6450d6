"""Sound that waits for the thread that works on it."""

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE


@dataclass(frozen=True)
class InboxCounts:
    """Samples that came in, that were left out because too many waited, and that wait now."""

    taken: int
    left_out: int
    waiting: int


class Inbox:
    """Takes sound in at any time and hands it to one thread; of more than ``seconds`` the oldest is left out."""

    def __init__(self, seconds: float) -> None:
        self._most = round(seconds * SAMPLE_RATE)
        self._changed = threading.Condition()
        self._pieces: deque[np.ndarray] = deque()
        self._taken = self._left_out = 0
        self._closed = self._stopped = False

    def put(self, samples: np.ndarray) -> bool:
        """Take in a copy of ``samples [T]`` at 24 kHz, never waiting; False if there are none, and after the end."""
        samples = np.array(samples, np.float32)
        with self._changed:
            if self._closed or not len(samples):
                return False
            self._pieces.append(samples)
            self._taken += len(samples)
            while self._waiting > self._most and len(self._pieces) > 1:
                self._left_out += len(self._pieces.popleft())
            self._changed.notify()
            return True

    def take(self) -> tuple[int, np.ndarray] | None:
        """Wait for sound: the number of the first sample in all that came in, and all that waits. None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._closed)
            if self._stopped or not self._pieces:
                return None
            samples = np.concatenate(self._pieces)
            self._pieces.clear()
            return self._taken - len(samples), samples

    def close(self) -> None:
        """Nothing more comes; what waits can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def stop(self) -> None:
        """Nothing more comes, and what waits is not wanted."""
        with self._changed:
            self._closed = self._stopped = True
            self._pieces.clear()
            self._changed.notify()

    @property
    def stopped(self) -> bool:
        """Whether nobody wants the rest."""
        return self._stopped

    @property
    def counts(self) -> InboxCounts:
        """How much came in, was left out and waits, all at one moment."""
        with self._changed:
            return InboxCounts(self._taken, self._left_out, self._waiting)

    @property
    def _waiting(self) -> int:
        return sum(map(len, self._pieces))
