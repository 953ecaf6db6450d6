"""Windows of a recording in which the segmentation network tells its speakers apart."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.core.constants import SAMPLE_RATE, WHISPER_SAMPLE_RATE
from nuanced_speech.models.speaker_segmentation import FIELD_SAMPLES, FRAME_SAMPLES, WINDOW_SECONDS

# A window of less is not told from noise; no recording is as short.
_LEAST_SAMPLES = 2 * FIELD_SAMPLES


@dataclass(frozen=True)
class ActivityWindow:
    """Ten seconds of a recording, or all of a shorter one.

    Attributes:
        wave: its samples at 16 kHz, ``[T]``.
        first: number of its first frame of 17 ms, counted from the beginning of the recording.
    """

    wave: np.ndarray
    first: int


def frames_of(wave: np.ndarray) -> int:
    """Number of frames of 17 ms in ``wave [T]`` at 24 kHz."""
    return len(wave) * WHISPER_SAMPLE_RATE // SAMPLE_RATE // FRAME_SAMPLES + 1


def activity_windows(wave: np.ndarray, step_seconds: float) -> Iterator[ActivityWindow]:
    """Windows of ``wave [T]`` at 24 kHz, at distances of ``step_seconds``; the last one ends with the recording."""
    for begin, end in _bounds(len(wave), step_seconds):
        part = to_16k(wave[begin:end])
        if len(part) >= _LEAST_SAMPLES:
            middle = begin * WHISPER_SAMPLE_RATE / SAMPLE_RATE + FIELD_SAMPLES / 2
            yield ActivityWindow(part, round(middle / FRAME_SAMPLES))


def _bounds(samples: int, step_seconds: float) -> Iterator[tuple[int, int]]:
    """Begins and ends of windows, all of one length if the recording is as long."""
    length, step = (round(seconds * SAMPLE_RATE) for seconds in (WINDOW_SECONDS, step_seconds))
    for begin in range(0, max(samples - length, 0) + step, step):
        begin = min(begin, max(samples - length, 0))
        yield begin, min(begin + length, samples)
        if begin + length >= samples:
            return
