"""The beam search, on probabilities whose true phonemes and durations are known."""

from __future__ import annotations

import numpy as np
import pytest

from nuanced_speech.kokoro import vocabulary
from nuanced_speech.phoneme_lm import PhonemeLM
from nuanced_speech.prosody.durations import most_probable
from nuanced_speech.recognise import Recogniser
from nuanced_speech.text import phonemize

TEXT = "She had been waiting for the postman since the morning. Nothing came but the rain, and the wind behind it."


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser(PhonemeLM.load())


def tokens(phonemes: str) -> np.ndarray:
    return np.array([0, *(vocabulary()[p] for p in phonemes), 0])


def spelled(ids: np.ndarray) -> str:
    names = {number: symbol for symbol, number in vocabulary().items()}
    return "".join(names.get(i, "?") for i in ids if i)


def heard(ids: np.ndarray, durations: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    """Log probabilities ``[T, 178]`` of a listener that mostly hears what was said."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(ids, durations)
    # one mishearing lasts as long as its symbol
    mistakes = np.repeat(rng.standard_normal((len(ids), 178)), durations, axis=0)
    logits = 6.0 * np.eye(178)[truth] + noise * mistakes
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def test_clear_speech_is_recognised_symbol_by_symbol(recogniser: Recogniser) -> None:
    phonemes = phonemize(TEXT)
    ids = tokens(phonemes)
    durations = np.random.default_rng(0).integers(2, 6, len(ids))
    found, lengths = recogniser(heard(ids, durations, noise=0.0))
    assert distance(spelled(found), phonemes) <= 2
    assert lengths.sum() == durations.sum()


def test_the_language_corrects_what_was_misheard(recogniser: Recogniser) -> None:
    phonemes = phonemize(TEXT)
    ids = tokens(phonemes)
    errors = {"ear": 0, "language": 0}
    for seed in range(3):
        emission = heard(ids, np.full(len(ids), 3), noise=2.4, seed=seed)
        errors["ear"] += distance(phonemes, spelled(most_probable(emission)[0]))
        errors["language"] += distance(phonemes, spelled(recogniser(emission)[0]))
    assert errors["ear"] > 15
    assert errors["language"] < 0.7 * errors["ear"]


def test_marks_are_meant_even_where_they_take_no_time(recogniser: Recogniser) -> None:
    phonemes = phonemize("the children were waiting for the morning")
    ids = tokens(phonemes)
    timeless = np.isin(ids, [vocabulary()[mark] for mark in " ˈˌ"])
    found, lengths = recogniser(heard(ids, np.where(timeless, 0, 4), noise=0.0))
    assert distance(spelled(found), phonemes) <= 2
    marks = np.isin(found, [vocabulary()[mark] for mark in " ˈˌ"])
    assert marks.sum() > 5 and not lengths[marks].any()
    assert lengths.sum() == 4 * (~timeless).sum()


def test_a_pause_is_the_mark_that_it_sounds_like(recogniser: Recogniser) -> None:
    for mark in ",.?!":
        ids = tokens(f"nˈO{mark}nˈO")
        found, _ = recogniser(heard(ids, np.full(len(ids), 4), noise=0.0))
        assert spelled(found).replace(" ", "") == f"nˈO{mark}nˈO"


def test_the_shortest_input_and_pure_silence(recogniser: Recogniser) -> None:
    for frames in (1, 40):
        ids, durations = recogniser(heard(np.array([0]), np.array([frames]), noise=0.0))
        assert ids.tolist() == [0] and durations.tolist() == [frames]
    ids, durations = recogniser(heard(tokens("nO")[1:-1], np.array([3, 3]), noise=0.0))
    assert ids[0] == ids[-1] == 0 and durations.sum() == 6
