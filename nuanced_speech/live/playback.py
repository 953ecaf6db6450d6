"""A recording that plays in real time in place of a microphone, and what comes out of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.live.config import LiveConfig
from nuanced_speech.live.output_buffer import OutputBuffer
from nuanced_speech.live.session import LiveFigures, LiveSession
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


def play_through(
    stream: LiveStream,
    wave: np.ndarray,
    config: LiveConfig = LiveConfig(),
    told: Callable[[float], None] = lambda seconds: None,
) -> Played:
    """Feed ``wave [T]`` at 24 kHz in real time, and take what comes out in real time.

    Args:
        stream: converts.
        wave: the source.
        config: of the session.
        told: called now and then with the seconds that were played.
    """
    output, size = OutputBuffer(), round(CHUNK_SECONDS * SAMPLE_RATE)
    session = LiveSession(stream, lambda audio: output.put(audio.wave), config)
    heard, began, number = [], time.monotonic(), 0
    while number * size < len(wave):
        session.feed(wave[number * size : (number + 1) * size])
        number += 1
        heard.append(output.take(size))
        told(number * CHUNK_SECONDS)
        time.sleep(max(0.0, began + number * CHUNK_SECONDS - time.monotonic()))
    ended = time.monotonic()
    session.close(wait=False)
    while (session.running or len(output)) and time.monotonic() - ended < _LONGEST_REST:
        number += 1
        heard.append(output.take(size))
        time.sleep(max(0.0, began + number * CHUNK_SECONDS - time.monotonic()))
    return Played(np.concatenate(heard), output.gaps, session.figures)
