"""What is said in a stream, phrase by phrase, beside its conversion."""

import logging
import threading
from collections.abc import Callable

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.live.config import PhraseConfig
from nuanced_speech.live.inbox import Inbox
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
        self._inbox = Inbox(waiting_seconds)
        self._splitter, self._origin = PhraseSplitter(config), 0  # first sample of the stream that it was given
        self._split = 0  # samples of the stream that it was given or that were left out
        self._thread = threading.Thread(target=self._run, name="live-transcripts", daemon=True)
        self._thread.start()

    def feed(self, samples: np.ndarray) -> None:
        """Take in ``samples [T]`` at 24 kHz; never waits. Where too much waits, the oldest of it is left out; nothing
        is taken in after the end."""
        self._inbox.put(samples)

    def close(self, wait: bool = True) -> None:
        """End the stream; with ``wait`` returns when its last words were told."""
        self._inbox.close()
        if wait:
            self._thread.join()

    def stop(self) -> None:
        """End at once: nobody wants the rest."""
        self._inbox.stop()

    @property
    def running(self) -> bool:
        """Whether there may still come words."""
        return self._thread.is_alive()

    @property
    def waiting_seconds(self) -> float:
        """Sound that waits now."""
        return self._inbox.counts.waiting / SAMPLE_RATE

    def _run(self) -> None:
        try:
            while (taken := self._inbox.take()) is not None:
                start, samples = taken
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

    def _tell_all(self, phrases: list[Phrase]) -> None:
        for phrase in phrases:
            if self._inbox.stopped:
                return
            if text := self.transcribe(phrase.wave).strip():
                self.tell(text, self._origin + phrase.end)
