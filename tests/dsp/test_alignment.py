"""The aligner, on phoneme probabilities whose true durations are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.alignment import decode_phonemes, forced_align, optional_tokens, word_centres
from nuanced_speech.models.kokoro import CONFIG

SYMBOLS = 12


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def heard(ids: np.ndarray, durations: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    """Log probabilities ``[sum(durations), SYMBOLS]`` of a listener that is right on average."""
    rng = np.random.default_rng(seed)
    said = np.repeat(ids, durations)
    return log_softmax(4.0 * np.eye(SYMBOLS)[said] + noise * rng.standard_normal((len(said), SYMBOLS)))


@pytest.mark.parametrize("seed", range(5))
def test_known_durations_are_recovered_under_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # no symbol twice in a row, since nothing could tell where the one ends and the other begins
    ids = np.array([0, *(1 + (3 * k) % (SYMBOLS - 1) for k in range(20)), 0])
    durations = rng.integers(2, 9, len(ids))
    found = forced_align(heard(ids, durations, noise=1.0, seed=seed), ids, np.zeros(len(ids), bool))
    boundaries = np.abs(np.cumsum(found) - np.cumsum(durations))
    assert found.sum() == durations.sum()
    assert found.min() >= 1
    assert boundaries.mean() < 0.3
    assert boundaries.max() <= 2


def test_a_symbol_that_comes_twice_is_told_apart_by_order() -> None:
    ids, durations = np.array([0, 3, 5, 3, 7, 3, 0]), np.array([2, 4, 3, 6, 1, 5, 2])
    assert forced_align(heard(ids, durations, noise=0), ids, np.zeros(7, bool)).tolist() == durations.tolist()


def test_only_optional_tokens_are_skipped() -> None:
    ids, durations = np.array([0, 3, 9, 5, 9, 7, 0]), np.array([3, 4, 0, 4, 5, 4, 3])
    emission = heard(ids, durations, noise=0)
    # the first 9 was never said, the second was
    assert forced_align(emission, ids, ids == 9).tolist() == durations.tolist()
    forced = forced_align(emission, ids, np.zeros(7, bool))
    assert forced.min() >= 1
    assert forced.sum() == durations.sum()


def test_an_optional_token_is_not_skipped_for_nothing() -> None:
    """Where the listener has no opinion, leaving a token out costs more than keeping it."""
    ids = np.array([0, 3, 9, 5, 0])
    found = forced_align(np.full((20, SYMBOLS), -np.log(SYMBOLS)), ids, ids == 9)
    assert found.min() >= 1


@pytest.mark.parametrize("frames", [5, 6, 7, 40])
def test_any_length_that_suffices_is_filled_exactly(frames: int) -> None:
    ids = np.array([0, 3, 9, 5, 7, 0])
    optional = ids == 9
    found = forced_align(log_softmax(np.random.default_rng(frames).standard_normal((frames, SYMBOLS))), ids, optional)
    assert found.sum() == frames
    assert found[~optional].min() >= 1
    assert found.min() >= 0


def test_too_short_a_recording_is_the_users_mistake() -> None:
    ids = np.array([0, 3, 9, 5, 7, 0])
    with pytest.raises(UserError, match=r"6 phonemes cannot be said in 0\.1 s: the text does not match"):
        forced_align(np.zeros((4, SYMBOLS)), ids, ids == 9)


def test_marks_in_a_row_that_cannot_all_be_skipped_are_counted() -> None:
    """Two optional tokens side by side: one of them needs a frame, so 4 frames are too few and 5 are enough."""
    ids = np.array([0, 3, 9, 10, 5, 0])
    optional = (ids == 9) | (ids == 10)
    with pytest.raises(UserError, match="does not match the recording"):
        forced_align(np.zeros((4, SYMBOLS)), ids, optional)
    found = forced_align(np.zeros((5, SYMBOLS)), ids, optional)
    assert found.sum() == 5
    assert found[~optional].tolist() == [1, 1, 1, 1]


def test_marks_are_optional_and_sounds_are_not() -> None:
    vocab = json.loads(CONFIG.read_text(encoding="utf-8"))["vocab"]
    ids = np.array([0, *(vocab[symbol] for symbol in "hˈɛlˌoʊ, wˈɜːld!"), 0])
    assert optional_tokens(ids).tolist() == [False, *(symbol in "ˈˌ,ː! " for symbol in "hˈɛlˌoʊ, wˈɜːld!"), False]


def test_words_are_found_where_they_are_said() -> None:
    vocab = vocabulary()
    said = ["wˌʌn", "tˈuː,", "fˈɔːɹ"]
    ids = np.array([0, *(vocab[symbol] for symbol in " ".join(said)), 0])
    durations = np.where(ids == 0, 7, np.where(ids == vocab[" "], 5, 3))
    emission = log_softmax(4.0 * np.eye(178)[np.repeat(ids, durations)])
    words, middles = word_centres(emission, " wˌʌn ☃tˈuː,  fˈɔːɹ☃ ")
    assert words == said
    np.testing.assert_allclose(middles, [7 + 6, 7 + 12 + 5 + 7.5, 7 + 12 + 5 + 15 + 5 + 7.5], atol=0.5)
    assert word_centres(emission, " ")[0] == []


def test_more_tokens_than_a_byte_counts():
    rng = np.random.default_rng(1)
    ids = rng.integers(1, 170, 300)
    durations = rng.integers(1, 4, 300)
    truth = np.repeat(ids, durations)
    log_probabilities = np.full((len(truth), 178), -8.0)
    log_probabilities[np.arange(len(truth)), truth] = -0.01
    found = forced_align(log_probabilities, ids, np.zeros(300, bool))
    assert np.array_equal(np.repeat(ids, found), truth)


@pytest.mark.parametrize("seed", range(3))
def test_what_was_said_is_recognised_under_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = np.array([0, *(1 + (3 * k) % (SYMBOLS - 1) for k in range(20)), 0])
    durations = rng.integers(3, 9, len(ids))
    found, lengths = decode_phonemes(heard(ids, durations, noise=1.0, seed=seed))
    assert found.tolist() == ids.tolist()
    assert np.abs(np.cumsum(lengths) - np.cumsum(durations)).max() <= 2


def test_flicker_is_not_recognised() -> None:
    """A symbol that is hardly more probable than its surroundings, for one frame, is not there."""
    ids, durations = np.array([0, 3, 5, 0]), np.array([3, 9, 9, 3])
    emission = heard(ids, durations, noise=0)
    emission[7, 8] = emission[7, 3] + 1
    assert decode_phonemes(emission)[0].tolist() == ids.tolist()
    emission[7, 8] = emission[7, 3] + 10
    assert decode_phonemes(emission)[0].tolist() == [0, 3, 8, 3, 5, 0]


def test_a_string_has_a_zero_on_each_side_even_where_nothing_is_silent() -> None:
    ids, durations = decode_phonemes(heard(np.array([4, 6]), np.array([5, 5]), noise=0))
    assert ids.tolist() == [0, 4, 6, 0] and durations.tolist() == [0, 5, 5, 0]
    ids, durations = decode_phonemes(heard(np.array([0]), np.array([5]), noise=0))
    assert ids.tolist() == [0] and durations.tolist() == [5]
