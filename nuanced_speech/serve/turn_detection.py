"""When somebody begins and ends to speak in a stream of samples: server VAD of ``/v1/realtime``."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.models.voice_activity import FRAME_SECONDS, ActivityStream

# Below the threshold by so much, speech is over: between both nothing changes.
_SLACK = 0.15


@dataclass(frozen=True)
class TurnConfig:
    """OpenAI's settings of ``server_vad``.

    Attributes:
        threshold: probability of speech from which it begins.
        prefix_ms: what is kept before speech begins.
        silence_ms: pause that ends a turn.
        answer: answer each turn.
        interrupt: stop an answer when somebody speaks.
    """

    threshold: float = 0.5
    prefix_ms: int = 300
    silence_ms: int = 500
    answer: bool = True
    interrupt: bool = True


@dataclass(frozen=True, eq=False)
class TurnEvent:
    """Speech that begins or ends.

    Attributes:
        kind: ``started`` or ``stopped``.
        ms: milliseconds from the beginning of the stream.
        wave: the turn ``[T]`` at 24 kHz, once it has ended.
    """

    kind: Literal["started", "stopped"]
    ms: int
    wave: np.ndarray | None = None


class TurnDetector:
    """Finds turns in one stream. For one thread at a time.

    Args:
        config: settings.
        most_seconds: longest turn, which ends then.
    """

    def __init__(self, config: TurnConfig, most_seconds: float) -> None:
        self.config, self.most_seconds = config, most_seconds
        self._activity = ActivityStream()
        self._pieces: list[np.ndarray] = []
        # samples of the stream before the first piece, and frames that were judged
        self._dropped = self._frames = 0
        self._began: int | None = None
        self._last_voice = 0

    @property
    def seconds(self) -> float:
        """Length of what is kept."""
        return sum(map(len, self._pieces)) / SAMPLE_RATE

    def keep(self, samples: np.ndarray) -> None:
        """Keep samples ``[T]`` at 24 kHz until they are taken, without a look for turns."""
        self._pieces.append(samples)

    def __call__(self, samples: np.ndarray) -> list[TurnEvent]:
        """What happens in the next samples ``[T]`` at 24 kHz of the stream."""
        self._pieces.append(samples)
        events: list[TurnEvent] = []
        for probability in self._activity(samples):
            self._frames += 1
            now = round(self._frames * FRAME_SECONDS * 1000)
            if self._began is None and probability >= self.config.threshold:
                earliest = round(self._dropped / SAMPLE_RATE * 1000)
                self._began = max(now - round(FRAME_SECONDS * 1000) - self.config.prefix_ms, earliest)
                events.append(TurnEvent("started", self._began))
            if self._began is None:
                continue
            if probability >= self.config.threshold - _SLACK:
                self._last_voice = now
            over = now - self._last_voice >= self.config.silence_ms
            if over or now - self._began >= self.most_seconds * 1000:
                events.append(TurnEvent("stopped", now, self._take(self._began, now)))
                self._began = None
        if self._began is None:
            self._forget(max(0, round(self._frames * FRAME_SECONDS * 1000) - self.config.prefix_ms))
        return events

    def take(self) -> np.ndarray:
        """What is in the buffer ``[T]``, which is empty then."""
        wave = np.concatenate([np.zeros(0, np.float32), *self._pieces])
        self._dropped += len(wave)
        self._pieces, self._began = [], None
        return wave

    def _take(self, start: int, end: int) -> np.ndarray:
        self._forget(start)
        whole = np.concatenate(self._pieces)
        self._forget(end)
        return whole[: round((end - start) / 1000 * SAMPLE_RATE)]

    def _forget(self, ms: int) -> None:
        """Drop the samples before a time."""
        drop = round(ms / 1000 * SAMPLE_RATE) - self._dropped
        while drop > 0 and self._pieces:
            first = self._pieces[0]
            taken = min(drop, len(first))
            self._pieces = [first[taken:], *self._pieces[1:]] if taken < len(first) else self._pieces[1:]
            self._dropped += taken
            drop -= taken
