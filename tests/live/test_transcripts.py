"""Words of a stream, phrase by phrase, in their thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.live.transcripts import PhraseTranscriber


@pytest.fixture(scope="module")
def phrase() -> np.ndarray:
    """A second and a half of speech, and a second of silence."""
    return np.concatenate([audio.read(CLIP)[:36_000], np.zeros(SAMPLE_RATE, np.float32)])


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def fed(transcriber: PhraseTranscriber, wave: np.ndarray) -> None:
    for k in range(0, len(wave), 2_400):
        transcriber.feed(wave[k : k + 2_400])


def test_each_phrase_is_told_with_its_end(phrase: np.ndarray) -> None:
    told: list[tuple[str, int]] = []
    transcriber = PhraseTranscriber(lambda wave: f" {len(wave) // 12_000} ", lambda *words: told.append(words))
    fed(transcriber, np.concatenate([phrase, phrase]))
    transcriber.close()
    assert [end // len(phrase) for _, end in told] == [0, 1] and not transcriber.running
    assert all(text == text.strip() != "" for text, _ in told)


def test_where_transcripts_are_slow_the_oldest_sound_is_left_out(phrase: np.ndarray) -> None:
    begun, free, told = threading.Event(), threading.Event(), list[int]()

    def slow(wave: np.ndarray) -> str:
        begun.set()
        assert free.wait(60)
        return "words"

    transcriber = PhraseTranscriber(slow, lambda _, end: told.append(end), waiting_seconds=2.6)
    transcriber.feed(phrase)
    assert begun.wait(60)
    for _ in range(20):
        fed(transcriber, phrase)
    assert 2.4 < transcriber.waiting_seconds <= 2.6
    free.set()
    transcriber.close()
    # the first phrase, and what is left of the last ones at their places in the stream
    assert told[0] < len(phrase) and 20 * len(phrase) < told[-1] < 21 * len(phrase) and len(told) <= 3


def test_a_failure_ends_it_and_is_told(phrase: np.ndarray) -> None:
    def broken(wave: np.ndarray) -> str:
        raise RuntimeError("no memory")

    failures: list[Exception] = []
    transcriber = PhraseTranscriber(broken, lambda *words: None, failed=failures.append)
    transcriber.feed(phrase)
    wait_until(lambda: not transcriber.running)
    fed(transcriber, phrase)
    assert str(failures[0]) == "no memory" and transcriber.waiting_seconds == 0
    transcriber.close()


def test_nothing_is_taken_in_after_the_end(phrase: np.ndarray) -> None:
    free, told = threading.Event(), list[int]()

    def slow(wave: np.ndarray) -> str:
        assert free.wait(60)
        return "words"

    transcriber = PhraseTranscriber(slow, lambda _, end: told.append(end))
    transcriber.feed(phrase)
    transcriber.close(wait=False)
    fed(transcriber, phrase)
    free.set()
    transcriber.close()
    assert len(told) == 1 and told[0] < len(phrase)
