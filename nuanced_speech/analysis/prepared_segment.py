"""Segments at the level and at the two rates that measurements need, made once from the recording."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.core.constants import SAMPLES_PER_UNIT


@dataclass(frozen=True)
class PreparedSegment:
    """A segment of ``T`` units of 25 ms, ready to be measured.

    Attributes:
        segment: place in the recording.
        wave: the segment at the level of Kokoro's own speech, ``[600 * T]`` at 24 kHz.
        wave_16k: the same at 16 kHz, ``[400 * T]``.
    """

    segment: Segment
    wave: np.ndarray
    wave_16k: np.ndarray


@dataclass(frozen=True)
class PreparedWindow:
    """Segments that follow each other, and the stretch of the recording that they make up.

    Attributes:
        segments: at least one.
        whole: all of them as one segment.
    """

    segments: list[PreparedSegment]
    whole: PreparedSegment


def prepared_windows(
    recording: np.ndarray, segments: Iterable[Segment], gain: float, longest: int
) -> Iterator[PreparedWindow]:
    """Prepared segments in order, in windows that span at most ``longest`` units; at least one segment in each."""
    for group in windows(segments, longest):
        prepared = [prepare(recording, segment, gain) for segment in group]
        first, last = group[0], group[-1]
        stretch = Segment(first.start, last.end, first.first, last.last)
        yield PreparedWindow(prepared, prepared[0] if len(group) == 1 else prepare(recording, stretch, gain))


def prepare(recording: np.ndarray, segment: Segment, gain: float) -> PreparedSegment:
    """A segment of ``recording [samples]`` times ``gain``, with silence after the end of the recording."""
    part = recording[segment.samples]
    wave = np.pad(part, (0, segment.units * SAMPLES_PER_UNIT - len(part))) * np.float32(gain)
    return PreparedSegment(segment, wave, to_16k(wave))


def windows(segments: Iterable[Segment], longest: int) -> Iterator[list[Segment]]:
    """Segments in order, in groups that span at most ``longest`` units; at least one segment in each."""
    group: list[Segment] = []
    for segment in segments:
        if group and segment.last - group[0].first > longest:
            yield group
            group = []
        group.append(segment)
    if group:
        yield group
