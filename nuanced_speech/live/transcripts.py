"""What is said in a stream, phrase by phrase, beside its conversion."""

import logging
import threading
from collections import deque
from collections.abc import Callable

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.live.config import PhraseConfig
from nuanced_speech.live.phrases import Phrase, PhraseSplitter

log = logging.getLogger(__name__)


class PhraseTranscriber:
    """Transcribes, in a thread of its own, each phrase at the pause that ends it.

    Args:
        transcribe: words of ``wave [T]`` at 24 kHz.
        tell: called in that thread with the words, and with the phrase's last sample in the stream.
        config: where a phrase begins and ends.
        waiting_seconds: sound that may wait before the oldest of it is left out.
        failed: called in that thread with the error that ended it early.
    """

    def __init__(
        self,
        transcribe: Callable[[np.ndarray], str],
        tell: Callable[[str, int], None],
        config: PhraseConfig = PhraseConfig(),
        waiting_seconds: float = 30.0,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        self.transcribe, self.tell, self.config, self.failed = transcribe, tell, config, failed
        self._most = round(waiting_seconds * SAMPLE_RATE)
        self._splitter, self._origin = PhraseSplitter(config), 0  # first sample of the stream that it was given
        self._split = 0  # samples of the stream that it was given or that were left out
        self._lock = threading.Condition()
        self._waiting: deque[np.ndarray] = deque()
        self._taken = 0
        self._ending = self._stopped = False
        self._thread = threading.Thread(target=self._run, name="live-transcripts", daemon=True)
        self._thread.start()

    def feed(self, samples: np.ndarray) -> None:
        """Take in ``samples [T]`` at 24 kHz; never waits. Where too much waits, the oldest of it is left out; nothing
        is taken in after the end."""
        samples = np.array(samples, np.float32)
        with self._lock:
            if self._ending or not len(samples):
                return
            self._waiting.append(samples)
            self._taken += len(samples)
            while self._held > self._most and len(self._waiting) > 1:
                self._waiting.popleft()
            self._lock.notify()

    def close(self, wait: bool = True) -> None:
        """End the stream; with ``wait`` returns when its last words were told."""
        with self._lock:
            self._ending = True
            self._lock.notify()
        if wait:
            self._thread.join()

    def stop(self) -> None:
        """End at once: nobody wants the rest."""
        with self._lock:
            self._ending = self._stopped = True
            self._waiting.clear()
            self._lock.notify()

    @property
    def running(self) -> bool:
        """Whether there may still come words."""
        return self._thread.is_alive()

    @property
    def waiting_seconds(self) -> float:
        """Sound that waits now."""
        with self._lock:
            return self._held / SAMPLE_RATE

    @property
    def _held(self) -> int:
        return sum(map(len, self._waiting))

    def _run(self) -> None:
        try:
            while (next_one := self._next()) is not None:
                start, samples = next_one
                if start != self._split:
                    # what came before the gap and what comes after it are no phrase
                    self._tell_all(self._splitter.finish())
                    self._splitter, self._origin = PhraseSplitter(self.config), start
                self._split = start + len(samples)
                self._tell_all(self._splitter(samples))
            self._tell_all(self._splitter.finish())
        except Exception as error:
            # the conversion goes on without
            self.stop()
            if self.failed is None or not isinstance(error, UserError):
                log.error("a live transcript failed: %s", type(error).__name__, exc_info=error)
            if self.failed is not None:
                self.failed(error)

    def _next(self) -> tuple[int, np.ndarray] | None:
        """The oldest sound that waits, and its first sample in the stream; None at the end."""
        with self._lock:
            while not self._waiting and not self._ending:
                self._lock.wait()
            if not self._waiting:
                return None
            start = self._taken - self._held
            return start, self._waiting.popleft()

    def _tell_all(self, phrases: list[Phrase]) -> None:
        for phrase in phrases:
            if self._stopped:
                return
            if text := self.transcribe(phrase.wave).strip():
                self.tell(text, self._origin + phrase.end)
