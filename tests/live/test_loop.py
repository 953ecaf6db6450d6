"""Levels and delay of a live conversion, between microphone and speaker."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.live.config import LiveConfig
from nuanced_speech.live.levels import LevelMeter
from nuanced_speech.live.loop import LiveLoop
from nuanced_speech.live.streams import LiveAudio

SECOND = np.ones(SAMPLE_RATE, np.float32)


class Late:
    """Gives back the first second, halved, when the second one has come in, in blocks of 0.3 s or longer."""

    block = 0.3

    def __init__(self) -> None:
        self.held = np.zeros(0, np.float32)

    def __call__(self, samples: np.ndarray) -> Iterator[LiveAudio]:
        self.held = np.concatenate([self.held, samples])
        if len(self.held) >= 2 * SAMPLE_RATE:
            yield LiveAudio(self.held[:SAMPLE_RATE] / 2, 0, 2 * SAMPLE_RATE, self.block)

    def finish(self) -> Iterator[LiveAudio]:
        yield from ()


def test_a_meter_tells_peak_silence_and_clipping_of_the_last_moments() -> None:
    meter = LevelMeter()
    assert meter.levels.peak_db == -100 and meter.levels.silent_seconds == 0
    meter.put(0.5 * SECOND)
    assert meter.levels.peak_db == pytest.approx(-6.02, abs=0.01) and meter.levels.clipped == 0
    meter.put(SECOND)
    assert meter.levels.clipped == pytest.approx(0.5) and meter.levels.peak_db == 0
    meter.put(1e-4 * SECOND)
    meter.put(np.zeros(0, np.float32))
    meter.put(0 * SECOND)
    assert meter.levels.silent_seconds == pytest.approx(2) and meter.levels.peak_db == -100
    assert meter.levels.clipped == 0
    meter.put(-0.25 * SECOND[:480])
    assert meter.levels.silent_seconds == 0 and meter.levels.peak_db == pytest.approx(-12.04, abs=0.01)


def test_the_delay_reaches_from_a_sound_until_it_is_played() -> None:
    played: list[np.ndarray] = []
    loop = LiveLoop(Late(), LiveConfig("block"), played.append)
    assert loop.status.delay_seconds is None and loop.status.busy == 0
    loop.feed(0.8 * SECOND)
    loop.feed(0.8 * SECOND)
    loop.close()
    # two seconds of the source, and the player's reserve of 0.4 s
    assert loop.status.delay_seconds == pytest.approx(2.4) and len(loop) == round(1.4 * SAMPLE_RATE)
    assert not loop.take(9_600).any() and np.allclose(loop.take(2_400), 0.4)
    assert [len(wave) for wave in played] == [9_600, 2_400]
    status = loop.status
    assert status.source.peak_db == pytest.approx(-1.94, abs=0.01) and not status.grown and status.gaps == 0
    assert status.output.peak_db == pytest.approx(-7.96, abs=0.01) and loop.failure is None


def test_grown_blocks_are_noticed() -> None:
    stream = Late()
    stream.block = 0.6
    loop = LiveLoop(stream, LiveConfig("block"))
    loop.feed(np.concatenate([SECOND, SECOND]))
    loop.close()
    assert loop.status.grown


def test_a_failure_is_told_in_one_line() -> None:
    class Broken(Late):
        def __call__(self, samples: np.ndarray) -> Iterator[LiveAudio]:
            raise RuntimeError("no memory\nat all")

    loop = LiveLoop(Broken())
    loop.feed(SECOND)
    loop.close()
    assert isinstance(loop.failure, UserError) and "(RuntimeError: no memory)" in str(loop.failure)
