"""A live conversion in its thread, and the recording that plays in real time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from helpers import CLIP

from nuanced_speech import Converter, audio
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.live.config import LiveConfig
from nuanced_speech.live.engine import LiveEngine
from nuanced_speech.live.output_buffer import OutputBuffer
from nuanced_speech.live.playback import play_through
from nuanced_speech.live.session import LiveSession
from nuanced_speech.live.streams import LiveAudio


class Louder:
    """A stream that gives back what it is given, twice as loud, and may be held up."""

    def __init__(self) -> None:
        self.free, self.done = threading.Event(), 0
        self.free.set()

    def __call__(self, samples: np.ndarray) -> Iterator[LiveAudio]:
        self.free.wait(20)
        self.done += len(samples)
        yield LiveAudio(2 * samples, self.done - len(samples), self.done)

    def finish(self) -> Iterator[LiveAudio]:
        yield LiveAudio(np.ones(3, np.float32), self.done, self.done)


def test_all_that_was_fed_comes_out_in_order_before_it_is_closed() -> None:
    given: list[np.ndarray] = []
    session = LiveSession(Louder(), lambda made: given.append(made.wave))
    wave = np.arange(48_000, dtype=np.float32)
    for k in range(0, len(wave), 500):
        session.feed(wave[k : k + 500])
    figures = session.close()
    assert np.array_equal(np.concatenate(given), [*(2 * wave), 1, 1, 1])
    assert figures.taken_seconds == 2 and figures.lost_seconds == 0 and not session.running
    session.feed(wave)
    assert session.figures.taken_seconds == 2


def test_where_too_much_waits_the_oldest_is_left_out() -> None:
    stream, given = Louder(), list[np.ndarray]()
    stream.free.clear()
    session = LiveSession(stream, lambda made: given.append(made.wave), LiveConfig(waiting_seconds=1.0))
    for second in range(5):
        session.feed(np.full(SAMPLE_RATE // 2, second, np.float32))
        # the first piece is under way before the others come
        while second == 0 and session.figures.waiting_seconds > 0:
            time.sleep(0.001)
    stream.free.set()
    figures = session.close()
    assert figures.lost_seconds >= 1.0 and figures.behind
    assert len(np.concatenate(given)) == 3 + (figures.taken_seconds - figures.lost_seconds) * SAMPLE_RATE
    assert given[-2][-1] == 8


def test_a_failure_ends_it_and_is_told() -> None:
    class Broken(Louder):
        def __call__(self, samples: np.ndarray) -> Iterator[LiveAudio]:
            raise UserError("this is not possible: choose another voice")

    told: list[Exception] = []
    session = LiveSession(Broken(), lambda made: None, failed=told.append)
    session.feed(np.zeros(10, np.float32))
    session.close()
    assert str(told[0]).startswith("this is not possible")


def test_a_player_gets_silence_where_there_is_nothing_and_gaps_are_counted() -> None:
    output = OutputBuffer()
    assert not output.take(10).any() and output.gaps == 0
    output.put(np.full(15, 0.5, np.float32))
    assert output.take(10).all() and np.array_equal(output.take(10), [0.5] * 5 + [0.0] * 5)
    assert output.gaps == 1
    output.put(np.concatenate([np.full(5, 0.5), np.zeros(5)]).astype(np.float32))
    output.take(10)
    output.take(10)
    assert output.gaps == 1 and len(output) == 0


def test_a_reserve_of_silence_is_played_first() -> None:
    output = OutputBuffer(reserve_seconds=0.001)
    assert not output.take(5).any() and len(output) == 0
    output.put(np.ones(4, np.float32))
    output.put(np.ones(4, np.float32))
    assert np.array_equal(output.take(32), [0.0] * 24 + [1.0] * 8) and output.gaps == 0
    assert (LiveConfig("phrase").reserve_seconds, LiveConfig("block").reserve_seconds) == (0.0, 0.4)


@pytest.mark.slow
def test_a_phrase_is_heard_after_its_pause_in_the_other_voice(converter: Converter) -> None:
    wave = np.concatenate([audio.read(CLIP)[:36_000], np.zeros(SAMPLE_RATE, np.float32)])
    engine = LiveEngine(converter)
    played = play_through(engine.stream(ConversionOptions(voice="af_heart", path="direct")), wave)
    assert played.gaps == 0 and played.figures.lost_seconds == 0
    heard = np.flatnonzero(np.abs(played.wave) > 0.01)
    # after the phrase and its pause, and never before
    assert heard[0] > 36_000
    assert 0.5 * 36_000 < heard[-1] - heard[0] < 1.2 * 36_000


def test_a_failure_while_a_recording_plays_is_one_line() -> None:
    class Broken(Louder):
        def __call__(self, samples: np.ndarray) -> Iterator[LiveAudio]:
            raise RuntimeError("no memory\nat all")

    # ten minutes, of which nothing plays once it has failed
    with pytest.raises(UserError, match=r"the conversion failed \(RuntimeError: no memory\)"):
        play_through(Broken(), np.zeros(600 * SAMPLE_RATE, np.float32))
