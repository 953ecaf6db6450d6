"""A recording that plays in real time in place of a microphone, and what comes out of it."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.live.config import LiveConfig
from nuanced_speech.live.loop import LiveLoop
from nuanced_speech.live.output_buffer import Playable
from nuanced_speech.live.session import LiveFigures
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
    output: Playable,
    feed: Callable[[np.ndarray], None],
    close: Callable[[], object],
    going: Callable[[], bool],
) -> np.ndarray:
    """Feed ``wave [T]`` at 24 kHz in real time, and take what comes out in real time until there is no more.

    Args:
        wave: the source.
        output: what comes out lies there.
        feed: takes each 20 ms of the source.
        close: called when the source is over.
        going: whether the conversion goes on; feeding ends where it does not.

    Returns:
        what a listener heard from the first moment on, ``[T]`` at 24 kHz.
    """
    size, began, number = round(CHUNK_SECONDS * SAMPLE_RATE), time.monotonic(), 0
    chunks = [np.zeros(0, np.float32)]

    def take() -> None:
        chunks.append(output.take(size))
        time.sleep(max(0.0, began + number * CHUNK_SECONDS - time.monotonic()))

    for start in range(0, len(wave), size):
        if not going():
            break
        feed(wave[start : start + size])
        number += 1
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
    watch: Callable[[LiveLoop], AbstractContextManager[None]] = lambda loop: nullcontext(),
    heard: Callable[[np.ndarray], None] = lambda wave: None,
) -> Played:
    """Feed ``wave [T]`` at 24 kHz in real time, and take what comes out in real time.

    Args:
        stream: converts.
        wave: the source.
        config: of the session.
        watch: what it returns is entered while the recording plays.
        heard: called with each 20 ms of what comes out.

    Raises:
        UserError: the conversion failed.
    """
    loop = LiveLoop(stream, config, heard)
    with watch(loop):
        converted = in_real_time(wave, loop, loop.feed, lambda: loop.close(wait=False), lambda: loop.running)
    if loop.failure is not None:
        raise loop.failure
    status = loop.status
    return Played(converted, status.gaps, status.figures)
