"""A stream of audio to its phrases: what lies between two pauses."""

from dataclasses import dataclass

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.live.config import PhraseConfig
from nuanced_speech.models.voice_activity import FRAME_SECONDS, ActivityStream

FRAME = round(FRAME_SECONDS * SAMPLE_RATE)
"""Samples at 24 kHz of a frame of voice activity."""


@dataclass(frozen=True, eq=False)
class Phrase:
    """A phrase of a stream.

    Attributes:
        start: its first sample in the stream, at 24 kHz.
        wave: ``[T]``.
    """

    start: int
    wave: np.ndarray

    @property
    def end(self) -> int:
        """The sample after its last."""
        return self.start + len(self.wave)


class PhraseSplitter:
    """Finds the phrases of a stream while it comes in.

    Args:
        config: thresholds and lengths.

    Attributes:
        speaking: whether a phrase has begun and not ended.
    """

    def __init__(self, config: PhraseConfig = PhraseConfig()) -> None:
        self.config = config
        self.speaking = False
        self._activity = ActivityStream()
        self._held = np.zeros(0, np.float32)
        self._start = 0  # of what is held, in the stream
        self._frames = 0  # whose activity is known
        self._first = self._last = 0  # frames of speech in the present phrase
        self._spoken = 0

    def __call__(self, samples: np.ndarray) -> list[Phrase]:
        """The phrases that end within ``samples [T]`` at 24 kHz, which follow those of the last call."""
        self._held = np.concatenate([self._held, np.asarray(samples, np.float32)])
        return [phrase for p in self._activity(samples) if (phrase := self._frame(float(p))) is not None]

    def finish(self) -> list[Phrase]:
        """The phrase that the end of the stream ends, if one has begun."""
        if not self.speaking:
            return []
        phrase = self._cut(self._last)
        self.speaking = False
        return [] if phrase is None else [phrase]

    def _frame(self, probability: float) -> Phrase | None:
        config, number = self.config, self._frames
        self._frames += 1
        if not self.speaking:
            if probability < config.begins:
                self._forget((number + 1) * FRAME - self._margin)
                return None
            self.speaking, self._first, self._spoken = True, number, 0
        if probability >= config.ends:
            self._last = number + 1
            self._spoken += 1
        elif (number + 1 - self._last) * FRAME_SECONDS >= config.pause_seconds:
            self.speaking = False
            return self._cut(self._last)
        if (number + 1) * FRAME - self._start >= config.longest_seconds * SAMPLE_RATE:
            return self._cut_at_quietest(number + 1)
        return None

    @property
    def _margin(self) -> int:
        return round(self.config.margin_seconds * SAMPLE_RATE)

    def _cut(self, last: int) -> Phrase | None:
        """The phrase up to the margin after a frame; None where it is too short to be speech."""
        end = min(last * FRAME + self._margin, self._start + len(self._held))
        begin = max(self._first * FRAME - self._margin, self._start)
        wave = self._held[begin - self._start : end - self._start]
        self._forget(end)
        if self._spoken * FRAME_SECONDS < self.config.shortest_seconds:
            return None
        return Phrase(begin, wave)

    def _cut_at_quietest(self, frames: int) -> Phrase:
        """The phrase up to the quietest frame in the last third of it; the rest is the next phrase's beginning."""
        whole = self._held[: frames * FRAME - self._start]
        usable = whole[len(whole) % FRAME :].reshape(-1, FRAME)
        power = np.square(usable).mean(1)
        first = len(power) * 2 // 3
        quietest = first + int(power[first:].argmin())
        end = self._start + len(whole) % FRAME + quietest * FRAME + FRAME // 2
        phrase = Phrase(self._start, self._held[: end - self._start])
        self._forget(end)
        self._first = -(-end // FRAME)
        self._spoken = max(frames - self._first, 1)
        return phrase

    def _forget(self, before: int) -> None:
        """Let go of what lies before a sample of the stream."""
        count = min(max(before - self._start, 0), len(self._held))
        self._held, self._start = self._held[count:], self._start + count
