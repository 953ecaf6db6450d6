"""A live conversion between what takes sound in and what plays it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.live.config import LiveConfig
from nuanced_speech.live.levels import LevelMeter, Levels
from nuanced_speech.live.output_buffer import OutputBuffer
from nuanced_speech.live.session import LiveFigures, LiveSession, told
from nuanced_speech.live.streams import LiveAudio, LiveStream

GROWN = 1.6
"""Blocks that are as many times as long as was asked for are told of: single ones take a tenth or two more."""


@dataclass(frozen=True)
class LiveStatus:
    """How a conversion is going.

    Attributes:
        source, output: levels of what came in and of what was played.
        delay_seconds: time from a sound of the source until it is played, without what the sound device adds; None
            before the first.
        gaps: how often sound broke off because more was not there yet.
        grown: blocks are longer than was asked for, since the machine is slow.
        figures: of the session.
    """

    source: Levels
    output: Levels
    delay_seconds: float | None
    gaps: int
    grown: bool
    figures: LiveFigures

    @property
    def busy(self) -> float:
        """Share of the time that is computed."""
        return self.figures.busy_seconds / max(self.figures.taken_seconds, 1e-9)


class LiveLoop:
    """Converts what is fed to it, and holds it until it is played. Threads may share it.

    Args:
        stream: converts.
        config: of the session.
        played: called with what is played, in the thread that plays, which must not wait.
    """

    def __init__(
        self,
        stream: LiveStream,
        config: LiveConfig = LiveConfig(),
        played: Callable[[np.ndarray], None] = lambda wave: None,
    ) -> None:
        self._config, self._played = config, played
        self._output = OutputBuffer(config.reserve_seconds)
        self._came, self._went = LevelMeter(), LevelMeter()
        self._delay: float | None = None
        self._failures: list[Exception] = []
        self._session = LiveSession(stream, self._put, config, self._failures.append)

    def feed(self, samples: np.ndarray) -> None:
        """Take in ``samples [T]`` at 24 kHz; never waits."""
        self._came.put(samples)
        self._session.feed(samples)

    def take(self, count: int) -> np.ndarray:
        """The next samples to play ``[count]``, filled up with silence; never waits."""
        wave = self._output.take(count)
        self._went.put(wave)
        self._played(wave)
        return wave

    def __len__(self) -> int:
        """Samples that wait to be played."""
        return len(self._output)

    def close(self, wait: bool = True) -> LiveFigures:
        """End the source: what was fed is still converted; with ``wait`` returns after the last of it."""
        return self._session.close(wait)

    @property
    def running(self) -> bool:
        """Whether more may still come out."""
        return self._session.running

    @property
    def failure(self) -> UserError | None:
        """What ended it early."""
        return told(self._failures[0]) if self._failures else None

    @property
    def status(self) -> LiveStatus:
        """How it is going."""
        figures = self._session.figures
        grown = figures.block_seconds > GROWN * self._config.block.seconds
        return LiveStatus(self._came.levels, self._went.levels, self._delay, self._output.gaps, grown, figures)

    def _put(self, made: LiveAudio) -> None:
        figures = self._session.figures
        self._output.put(made.wave)
        age = figures.taken_seconds - figures.lost_seconds - made.start / SAMPLE_RATE
        self._delay = age + (len(self._output) - len(made.wave)) / SAMPLE_RATE
