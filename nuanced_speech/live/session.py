"""A live conversion in a thread of its own: sound goes in at any time, and comes out when it is ready."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.threads import limit_here
from nuanced_speech.live.config import LiveConfig
from nuanced_speech.live.inbox import Inbox
from nuanced_speech.live.streams import LiveAudio, LiveStream

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LiveFigures:
    """How a session is going.

    Attributes:
        taken_seconds: sound that came in.
        given_seconds: sound that went out.
        lost_seconds: sound that was left out because the machine could not follow.
        waiting_seconds: sound that waits now.
        busy_seconds: time that was computed.
        delay_seconds: time from the arrival of the last sound that the newest audio needed until it was ready.
        largest_delay_seconds: the largest of these.
        block_seconds: length of the newest block; 0 where there are phrases.
    """

    taken_seconds: float = 0.0
    given_seconds: float = 0.0
    lost_seconds: float = 0.0
    waiting_seconds: float = 0.0
    busy_seconds: float = 0.0
    delay_seconds: float = 0.0
    largest_delay_seconds: float = 0.0
    block_seconds: float = 0.0

    @property
    def behind(self) -> bool:
        """Whether the machine cannot follow."""
        return self.lost_seconds > 0 or self.waiting_seconds > 2.0


def told(failure: Exception) -> UserError:
    """What ended a session early, in one line."""
    if isinstance(failure, UserError):
        return failure
    first = (str(failure).strip().splitlines() or ["no reason given"])[0]
    return UserError(f"the conversion failed ({type(failure).__name__}: {first})")


class LiveSession:
    """Converts in a thread what is fed to it.

    Args:
        stream: converts.
        output: called in that thread with what is ready.
        config: how much sound may wait, and how many threads compute.
        failed: called in that thread with the error that ended it early, which is only logged without it.
    """

    def __init__(
        self,
        stream: LiveStream,
        output: Callable[[LiveAudio], None],
        config: LiveConfig = LiveConfig(),
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        self.stream, self.output, self.config, self.failed = stream, output, config, failed
        self._inbox = Inbox(config.waiting_seconds)
        self._lock = threading.Lock()
        self._arrivals: deque[tuple[int, float]] = deque()  # samples that had come in and were not left out, by when
        self._given = 0
        self._busy = self._delay = self._largest = self._block = 0.0
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._thread.start()

    def feed(self, samples: np.ndarray) -> None:
        """Take in ``samples [T]`` at 24 kHz; never waits. Where too much waits, the oldest of it is left out."""
        with self._lock:
            if self._inbox.put(samples):
                counts = self._inbox.counts
                self._arrivals.append((counts.taken - counts.left_out, time.monotonic()))

    def close(self, wait: bool = True) -> LiveFigures:
        """End the source: what was fed is still converted; with ``wait`` returns after the last audio was given."""
        self._inbox.close()
        if wait:
            self._thread.join()
        return self.figures

    def stop(self) -> None:
        """End at once: nobody wants the rest."""
        self._inbox.stop()

    @property
    def running(self) -> bool:
        """Whether there may still come audio."""
        return self._thread.is_alive()

    @property
    def figures(self) -> LiveFigures:
        """How it is going."""
        with self._lock:
            counts = self._inbox.counts
            taken, given, lost, held = (
                count / SAMPLE_RATE for count in (counts.taken, self._given, counts.left_out, counts.waiting)
            )
            return LiveFigures(taken, given, lost, held, self._busy, self._delay, self._largest, self._block)

    def _run(self) -> None:
        if self.config.threads is not None:
            limit_here(self.config.threads)
        try:
            while (taken := self._inbox.take()) is not None:
                self._convert(self.stream(taken[1]))
            if not self._inbox.stopped:
                self._convert(self.stream.finish())
        except Exception as error:
            self.stop()
            if self.failed is not None:
                self.failed(error)
            else:
                log.error("a live conversion failed: %s", type(error).__name__, exc_info=error)

    def _convert(self, made: Iterator[LiveAudio]) -> None:
        began = time.monotonic()
        for audio in made:
            self._measure(audio, began)
            if self._inbox.stopped:
                return
            self.output(audio)
            began = time.monotonic()
        self._busy += time.monotonic() - began

    def _measure(self, audio: LiveAudio, began: float) -> None:
        now = time.monotonic()
        with self._lock:
            self._busy += now - began
            self._given += len(audio.wave)
            self._block = audio.block_seconds
            while len(self._arrivals) > 1 and self._arrivals[0][0] < audio.needed:
                self._arrivals.popleft()
            self._delay = now - self._arrivals[0][1] if self._arrivals else 0.0
            self._largest = max(self._largest, self._delay)
