"""Phrases of a stream."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.live.config import LiveConfig, PhraseConfig
from nuanced_speech.live.phrases import Phrase, PhraseSplitter


def pieces(wave: np.ndarray, size: int) -> list[np.ndarray]:
    return [wave[k : k + size] for k in range(0, len(wave), size)]


def phrases_of(wave: np.ndarray, size: int = 480, config: PhraseConfig = PhraseConfig()) -> list[Phrase]:
    splitter = PhraseSplitter(config)
    return [phrase for piece in pieces(wave, size) for phrase in splitter(piece)] + splitter.finish()


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Two phrases of two seconds, with 1.5 s of faint noise around each."""
    clip = audio.read(CLIP)[:48_000]
    noise = np.random.default_rng(0).normal(0, 1e-3, 36_000).astype(np.float32)
    return np.concatenate([noise, clip, noise, clip, noise])


def test_phrases_are_what_lies_between_pauses(speech: np.ndarray) -> None:
    first, second = phrases_of(speech)
    for phrase, begin in ((first, 36_000), (second, 120_000)):
        assert np.array_equal(phrase.wave, speech[phrase.start : phrase.end])
        assert begin - 7_200 < phrase.start < begin + 12_000
        assert begin + 36_000 < phrase.end < begin + 48_000 + 9_600


def test_the_size_of_the_pieces_does_not_matter(speech: np.ndarray) -> None:
    expected = [(phrase.start, phrase.end) for phrase in phrases_of(speech)]
    for size in (77, 24_000, len(speech)):
        assert [(phrase.start, phrase.end) for phrase in phrases_of(speech, size)] == expected


def test_a_phrase_is_known_a_pause_after_its_end(speech: np.ndarray) -> None:
    splitter, given = PhraseSplitter(), 0
    for piece in pieces(speech, 480):
        given += len(piece)
        if found := splitter(piece):
            break
    # pause, a frame, and the resampler's delay
    assert given - found[0].end < (0.35 + 0.1) * SAMPLE_RATE
    assert not splitter.speaking


def test_a_long_phrase_is_cut_and_nothing_is_lost(speech: np.ndarray) -> None:
    clip = audio.read(CLIP)[:96_000]
    found = phrases_of(np.tile(clip, 2), config=PhraseConfig(longest_seconds=3.0, pause_seconds=10.0))
    assert len(found) >= 3
    for before, after in itertools.pairwise(found):
        assert before.end == after.start
        assert 1.9 * SAMPLE_RATE < len(before.wave) <= 3.05 * SAMPLE_RATE


def test_what_is_no_speech_gives_no_phrase() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, 72_000).astype(np.float32)
    click = np.zeros(72_000, np.float32)
    click[30_000:30_200] = 0.9
    assert phrases_of(noise) == [] and phrases_of(click) == [] and phrases_of(np.zeros(72_000, np.float32)) == []


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UserError, match="mode: 'song' is no mode"):
        LiveConfig(mode="song")  # type: ignore[arg-type]
