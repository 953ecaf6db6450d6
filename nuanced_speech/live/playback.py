"""A recording that plays in real time in place of a microphone, and what comes out of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.live.config import LiveConfig
from nuanced_speech.live.output_buffer import OutputBuffer
from nuanced_speech.live.session import LiveFigures, LiveSession, told
from nuanced_speech.live.streams import LiveStream

CHUNK_SECONDS = 0.02
# Silence after the recording, in which the rest comes out.
_LONGEST_REST = 60.0


@dataclass(frozen=True, eq=False)
class Played:
    """What a listener heard.

    Attributes:
        wave: ``[T]`` at 24 kHz, from the first moment of the source on.
        gaps: how often sound broke off because more was not there yet.
        figures: how the session went.
    """

    wave: np.ndarray
    gaps: int
    figures: LiveFigures


def in_real_time(
    wave: np.ndarray,
    output: OutputBuffer,
    feed: Callable[[np.ndarray], None],
    close: Callable[[], object],
    going: Callable[[], bool],
    progress: Callable[[float], None] = lambda seconds: None,
    heard: Callable[[np.ndarray], None] = lambda wave: None,
) -> np.ndarray:
    """Feed ``wave [T]`` at 24 kHz in real time, and take what comes out in real time until there is no more.

    Args:
        wave: the source.
        output: what comes out lies there.
        feed: takes each 20 ms of the source.
        close: called when the source is over.
        going: whether more may come out after that.
        progress: called with the seconds that were fed.
        heard: called with each 20 ms of what comes out.

    Returns:
        what a listener heard from the first moment on, ``[T]`` at 24 kHz.
    """
    size, began, number = round(CHUNK_SECONDS * SAMPLE_RATE), time.monotonic(), 0
    chunks = [np.zeros(0, np.float32)]

    def take() -> None:
        chunks.append(output.take(size))
        heard(chunks[-1])
        time.sleep(max(0.0, began + number * CHUNK_SECONDS - time.monotonic()))

    for start in range(0, len(wave), size):
        feed(wave[start : start + size])
        number += 1
        progress(number * CHUNK_SECONDS)
        take()
    ended = time.monotonic()
    close()
    while (going() or len(output)) and time.monotonic() - ended < _LONGEST_REST:
        number += 1
        take()
    return np.concatenate(chunks)


def play_through(
    stream: LiveStream,
    wave: np.ndarray,
    config: LiveConfig = LiveConfig(),
    progress: Callable[[float], None] = lambda seconds: None,
    heard: Callable[[np.ndarray], None] = lambda wave: None,
) -> Played:
    """Feed ``wave [T]`` at 24 kHz in real time, and take what comes out in real time.

    Args:
        stream: converts.
        wave: the source.
        config: of the session.
        progress: called now and then with the seconds that were played.
        heard: called with each 20 ms of what comes out.

    Raises:
        UserError: the conversion failed.
    """
    output, failures = OutputBuffer(config.reserve_seconds), list[Exception]()
    session = LiveSession(stream, lambda audio: output.put(audio.wave), config, failures.append)
    converted = in_real_time(
        wave, output, session.feed, lambda: session.close(wait=False), lambda: session.running, progress, heard
    )
    for failure in failures:
        raise told(failure)
    return Played(converted, output.gaps, session.figures)
