"""What is said in a stream, phrase by phrase, beside its conversion."""

import logging
import queue
import threading
from collections.abc import Callable

import numpy as np

from nuanced_speech.live.config import PhraseConfig
from nuanced_speech.live.phrases import PhraseSplitter

log = logging.getLogger(__name__)


class PhraseTranscriber:
    """Transcribes, in a thread of its own, each phrase at the pause that ends it.

    Args:
        transcribe: words of ``wave [T]`` at 24 kHz.
        tell: called in that thread with the words, and with the phrase's last sample in the stream.
        config: where a phrase begins and ends.
    """

    def __init__(
        self,
        transcribe: Callable[[np.ndarray], str],
        tell: Callable[[str, int], None],
        config: PhraseConfig = PhraseConfig(),
    ) -> None:
        self.transcribe, self.tell = transcribe, tell
        self._splitter = PhraseSplitter(config)
        self._waiting: queue.SimpleQueue[np.ndarray | None] = queue.SimpleQueue()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="live-transcripts", daemon=True)
        self._thread.start()

    def feed(self, samples: np.ndarray) -> None:
        """Take in ``samples [T]`` at 24 kHz; never waits."""
        self._waiting.put(np.array(samples, np.float32))

    def close(self) -> None:
        """End the stream, and return when its last words were told."""
        self._waiting.put(None)
        self._thread.join()

    def stop(self) -> None:
        """End at once: nobody wants the rest."""
        self._stopped = True
        self._waiting.put(None)

    def _run(self) -> None:
        try:
            ended = False
            while not ended:
                samples = self._waiting.get()
                ended = samples is None
                for phrase in self._splitter.finish() if samples is None else self._splitter(samples):
                    if self._stopped:
                        return
                    if text := self.transcribe(phrase.wave).strip():
                        self.tell(text, phrase.end)
        except Exception as error:
            # the conversion goes on without
            log.error("a live transcript failed: %s", type(error).__name__, exc_info=error)
