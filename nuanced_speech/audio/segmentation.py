"""Long recordings cut at their pauses into pieces that are converted one by one, and joined again without seams."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nuanced_speech.audio.fades import crossfade
from nuanced_speech.audio.gate import active_frames, decibels
from nuanced_speech.core.constants import SAMPLE_RATE, SAMPLES_PER_UNIT

FRAME = SAMPLES_PER_UNIT
MIN_SECONDS, MAX_SECONDS = 3.0, 12.0
# Heard on both sides of a cut, then faded from one piece to the next.
MARGIN_UNITS = 8
_PAUSE_SECONDS = 0.25
_PAUSE_BELOW_DB = 25.0


@dataclass(frozen=True)
class Piece:
    """A stretch in 25 ms units: ``[start, end)`` is its own, ``[first, last)`` what is converted around it."""

    start: int
    end: int
    first: int
    last: int

    @property
    def units(self) -> int:
        """Length of what is converted, in units of 25 ms."""
        return self.last - self.first

    @property
    def samples(self) -> slice:
        """What is converted, in samples at 24 kHz."""
        return slice(self.first * FRAME, self.last * FRAME)


def cut(wave: np.ndarray) -> list[Piece]:
    """Pieces of 3 to 12 seconds that begin and end in pauses, or at the quietest place where there is no pause.

    The last one can be as short as 1.5 s, and a short recording is one piece.

    Args:
        wave: ``[T]`` at 24 kHz.

    Returns:
        pieces that cover the ``ceil(T / 600)`` units of the recording in order.
    """
    units = -(-len(wave) // FRAME)
    padded = np.pad(wave, (0, units * FRAME - len(wave)))
    level = decibels(np.mean(padded.reshape(units, FRAME) ** 2, axis=1))
    pause = ~active_frames(level, _PAUSE_BELOW_DB)
    width = round(_PAUSE_SECONDS * SAMPLE_RATE / FRAME)
    smooth = np.convolve(np.pad(level, width // 2, mode="edge"), np.ones(width) / width, "valid")[:units]
    paused = np.convolve(np.pad(pause, width // 2).astype(float), np.ones(width), "valid")[:units] >= width
    shortest, longest = (round(s * SAMPLE_RATE / FRAME) for s in (MIN_SECONDS, MAX_SECONDS))
    bounds = [0]
    while units - bounds[-1] > longest:
        begin, end = bounds[-1] + shortest, min(bounds[-1] + longest, units - shortest // 2)
        candidates = np.flatnonzero(paused[begin:end])
        # the first pause that is long enough; its quietest place, which is its middle more often than its edge
        if len(candidates):
            run_end = candidates[0] + int(np.argmin(np.append(paused[begin + candidates[0] : end], False)))
            run = smooth[begin + candidates[0] : begin + max(run_end, candidates[0] + 1)]
            bounds.append(begin + int(candidates[0]) + int(run.argmin()))
        else:
            bounds.append(begin + int(smooth[begin:end].argmin()))
    bounds.append(units)
    return [
        Piece(start, end, max(start - MARGIN_UNITS, 0), min(end + MARGIN_UNITS, units))
        for start, end in pairwise(bounds)
    ]


def join(pieces: list[Piece], waves: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Overlapping converted pieces as one stream: each overlap is faded linearly from one piece to the next.

    Args:
        pieces: as ``cut`` gave them.
        waves: for each piece its ``[first, last)`` converted, 600 samples a unit.

    Yields:
        stretches of the output; together 600 samples for every unit.
    """
    tail = np.zeros(0, np.float32)
    for number, (piece, wave) in enumerate(zip(pieces, waves, strict=True)):
        overlap = len(tail)
        if overlap:
            wave = np.concatenate([crossfade(tail, wave[:overlap]), wave[overlap:]])
        shared = 0 if number + 1 == len(pieces) else (piece.last - pieces[number + 1].first) * FRAME
        yield wave[: len(wave) - shared]
        tail = wave[len(wave) - shared :]
