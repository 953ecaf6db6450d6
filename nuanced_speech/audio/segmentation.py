"""Long recordings cut at their pauses into segments that are converted one by one, and joined again without seams."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nuanced_speech.audio.fades import crossfade
from nuanced_speech.audio.gate import active_frames, decibels, frame_powers
from nuanced_speech.core.constants import SAMPLES_PER_UNIT, UNITS_PER_SECOND

MIN_SECONDS, MAX_SECONDS = 3.0, 12.0
# Context on both sides of a cut, in units of 25 ms; the two segments are crossfaded over it.
MARGIN_UNITS = 8
_PAUSE_SECONDS = 0.25
_PAUSE_BELOW_DB = 25.0
# Around a place where a recording is to be cut; the place is known to about 0.3 s.
_NEAR_SECONDS = 0.4


@dataclass(frozen=True)
class Segment:
    """A part of a recording, in 25 ms units: ``[start, end)`` is its own, ``[first, last)`` what is converted."""

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
        return slice(self.first * SAMPLES_PER_UNIT, self.last * SAMPLES_PER_UNIT)


def segment(wave: np.ndarray) -> list[Segment]:
    """Segments of 3 to 12 seconds that begin and end in pauses, or at the quietest place where there is no pause.

    The last one can be as short as 1.5 s, and a short recording is one segment.

    Args:
        wave: ``[T]`` at 24 kHz.

    Returns:
        segments that cover the ``ceil(T / 600)`` units of the recording in order.
    """
    units = -(-len(wave) // SAMPLES_PER_UNIT)
    smooth, paused = _pauses(wave, units)
    shortest, longest = (round(seconds * UNITS_PER_SECOND) for seconds in (MIN_SECONDS, MAX_SECONDS))
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
    return _between(bounds)


def with_bounds(wave: np.ndarray, segments: Sequence[Segment], seconds: Sequence[float]) -> list[Segment]:
    """Segments that are cut at further places too, each at the quietest moment within 0.4 s.

    A bound of the segments within 1.5 s of such a place moves there, as far as no segment is longer than 12 s then.

    Args:
        wave: ``[T]`` at 24 kHz.
        segments: of it, as ``segment`` returned them.
        seconds: places, in order.
    """
    if not len(seconds):
        return list(segments)
    bounds = [0, *(part.end for part in segments)]
    smooth, _ = _pauses(wave, bounds[-1])
    near, room = (round(value * UNITS_PER_SECOND) for value in (_NEAR_SECONDS, MIN_SECONDS / 2))
    fixed: set[int] = set()
    for place in seconds:
        begin = max(round(place * UNITS_PER_SECOND) - near, 1)
        cut = begin + int(smooth[begin : begin + 2 * near + 1].argmin())
        moved = [bound for bound in bounds[1:-1] if abs(bound - cut) < room and bound not in fixed]
        left = sorted({*bounds, cut} - set(moved))
        if max(end - start for start, end in pairwise(left)) > MAX_SECONDS * UNITS_PER_SECOND:
            left = sorted({*bounds, cut})
        bounds, fixed = left, fixed | {cut}
    return _between(bounds)


def _between(bounds: Sequence[int]) -> list[Segment]:
    """Segments between bounds, in units, with their margins."""
    units = bounds[-1]
    return [
        Segment(start, end, max(start - MARGIN_UNITS, 0), min(end + MARGIN_UNITS, units))
        for start, end in pairwise(bounds)
    ]


def _pauses(wave: np.ndarray, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Level in dB over a quarter of a second around each unit ``[units]``, and whether all of that is a pause."""
    whole = len(wave) // SAMPLES_PER_UNIT
    power = frame_powers(wave[: whole * SAMPLES_PER_UNIT].reshape(whole, SAMPLES_PER_UNIT), wave.dtype.type)
    if whole < units:
        last = np.pad(wave[whole * SAMPLES_PER_UNIT :], (0, units * SAMPLES_PER_UNIT - len(wave)))
        power = np.append(power, frame_powers(last[None], wave.dtype.type))
    level = decibels(power)
    pause = ~active_frames(level, _PAUSE_BELOW_DB)
    width = round(_PAUSE_SECONDS * UNITS_PER_SECOND)
    smooth = np.convolve(np.pad(level, width // 2, mode="edge"), np.ones(width) / width, "valid")[:units]
    paused = np.convolve(np.pad(pause, width // 2).astype(float), np.ones(width), "valid")[:units] >= width
    return smooth, paused


def crossfade_join(segments: Sequence[Segment], waves: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Overlapping converted segments as one stream: each overlap is faded linearly from one to the next.

    Args:
        segments: as ``segment`` returned them.
        waves: for each segment its ``[first, last)`` converted, 600 samples a unit.

    Yields:
        parts of the output; together 600 samples for every unit.

    Raises:
        ValueError: more or fewer waves than segments.
    """
    tail = np.zeros(0, np.float32)
    for number, (part, wave) in enumerate(zip(segments, waves, strict=True)):
        overlap = len(tail)
        if overlap:
            wave = np.concatenate([crossfade(tail, wave[:overlap]), wave[overlap:]])
        last = number + 1 == len(segments)
        shared = 0 if last else (part.last - segments[number + 1].first) * SAMPLES_PER_UNIT
        yield wave[: len(wave) - shared]
        tail = wave[len(wave) - shared :]
