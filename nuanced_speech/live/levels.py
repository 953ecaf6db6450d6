"""Levels of sound that passes by."""

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from nuanced_speech.audio.level import LEVEL_FLOOR_DB, clipped_fraction
from nuanced_speech.core.constants import SAMPLE_RATE

SHOWN_SECONDS = 0.3
"""Time whose peak is the level that is shown."""
CLIPPING_SECONDS = 2.0
"""Time whose samples are looked at for clipping."""
SILENT_DB = -60.0
"""Peak in dBFS up to which sound is silence; a microphone in a quiet room is louder."""


@dataclass(frozen=True)
class Levels:
    """What was heard lately.

    Attributes:
        peak_db: peak in dBFS of the last 0.3 s, at least LEVEL_FLOOR_DB.
        silent_seconds: sound since the last that was louder than silence.
        clipped: fraction of the samples of the last two seconds that are within 1 % of full scale.
    """

    peak_db: float = LEVEL_FLOOR_DB
    silent_seconds: float = 0.0
    clipped: float = 0.0


@dataclass(frozen=True)
class _Piece:
    seconds: float
    peak: float
    clipped: float


class LevelMeter:
    """Measures what it is given, piece by piece. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pieces: deque[_Piece] = deque()
        self._length = self._silent = 0.0

    def put(self, wave: np.ndarray) -> None:
        """Hear ``wave [T]`` at 24 kHz, which follows that of the last call."""
        if not len(wave):
            return
        piece = _Piece(len(wave) / SAMPLE_RATE, float(np.abs(wave).max()), clipped_fraction(wave))
        with self._lock:
            self._pieces.append(piece)
            self._length += piece.seconds
            while self._length - self._pieces[0].seconds >= CLIPPING_SECONDS:
                self._length -= self._pieces.popleft().seconds
            self._silent = self._silent + piece.seconds if _decibels(piece.peak) <= SILENT_DB else 0.0

    @property
    def levels(self) -> Levels:
        """As they are now."""
        with self._lock:
            peak = shown = 0.0
            for piece in reversed(self._pieces):
                peak, shown = max(peak, piece.peak), shown + piece.seconds
                if shown >= SHOWN_SECONDS - 1e-9:
                    break
            clipped = sum(piece.clipped * piece.seconds for piece in self._pieces) / max(self._length, 1e-9)
            return Levels(_decibels(peak), self._silent, clipped)


def _decibels(peak: float) -> float:
    return float(max(20 * np.log10(max(peak, 1e-9)), LEVEL_FLOOR_DB))
