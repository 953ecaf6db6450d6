"""The phoneme model: probabilities, counts, the packaged file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nuanced_speech import phoneme_lm
from nuanced_speech.errors import UserError
from nuanced_speech.phoneme_lm import PhonemeLM
from nuanced_speech.text import phonemize
from nuanced_speech.train import phonemes
from nuanced_speech.train.phonemes import count, phoneme_strings

STRINGS = ["ðə kˈæt sˈæt, ɔn ðə mˈæt.", "ðə dˈɔɡ sˈæt! ɔn ðə kˈæt"] * 40


@pytest.fixture(scope="module")
def model() -> PhonemeLM:
    return count(STRINGS, order=4, least=1)


def after(model: PhonemeLM, context: str) -> dict[str, float]:
    numbers = tuple(int(n) for n in model.numbers(context))
    return dict(zip(model.symbols, model.probabilities(numbers), strict=True))


@pytest.mark.parametrize("context", ["", "k", "kˈæ", "zzz", "ðə k", "t s", "a very long one ðə kˈ"])
def test_probabilities_are_a_distribution_that_excludes_nothing(model: PhonemeLM, context: str) -> None:
    probabilities = np.array(list(after(model, context).values()))
    assert probabilities.sum() == pytest.approx(1)
    assert (probabilities > 0).all()


def test_what_was_seen_is_expected_and_the_longer_context_decides(model: PhonemeLM) -> None:
    assert max(after(model, "ˈæ"), key=after(model, "ˈæ").__getitem__) == "t"
    assert after(model, "dˈɔ")["ɡ"] > 0.5
    assert after(model, " mˈ")["æ"] > 0.5 > after(model, "ˈ")["ɔ"]


def test_shorter_n_grams_count_by_how_many_different_symbols_they_follow() -> None:
    # b is four times as frequent as d, but only ever behind a; d stands behind four different symbols
    strings = ["ab" * 100 + "cd" * 10 + "ed" * 5 + "fd" * 5 + "gd" * 5] * 4
    probabilities = after(count(strings, order=2, least=1), "")
    assert probabilities["d"] > 2 * probabilities["b"]


def test_every_punctuation_mark_is_a_pause_with_a_space_behind(model: PhonemeLM) -> None:
    assert "." not in model.symbols and "!" not in model.symbols
    assert after(model, "ˈæt")[","] > 10 * after(model, "ˈɔɡ")[","]
    assert max(after(model, "t,"), key=after(model, "t,").__getitem__) == " "
    assert model.numbers("t. ɔ").tolist() == [model.symbols.index(s) for s in "t, ɔ"]


def test_a_saved_model_is_the_same_one(model: PhonemeLM, tmp_path: Path) -> None:
    model.save(tmp_path / "lm.safetensors")
    again = PhonemeLM.load(tmp_path / "lm.safetensors")
    assert again.symbols == model.symbols and again.order == 4
    for context in ("", "kˈæ", "ðə"):
        assert after(again, context) == after(model, context)


def test_the_packaged_model_knows_english() -> None:
    model = PhonemeLM.load()
    said = phonemize("Nobody had told the children that the river rises quickly after a storm.")
    shuffled = "".join(np.random.default_rng(0).permutation(list(said)))
    assert model.bits(said) < 2.5
    assert model.bits(shuffled) > model.bits(said) + 2


def test_errors_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no phoneme model"):
        PhonemeLM.load(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(UserError, match="not a phoneme model"):
        PhonemeLM.load(tmp_path / "bad.safetensors")
    with pytest.raises(UserError, match="more text"):
        count(["ðə kˈæt"])
    with pytest.raises(UserError, match="not a readable text file"):
        list(phoneme_strings([tmp_path / "none.txt"]))


def test_sentences_of_a_text_file_become_phonemes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phonemes, "_WORDS_AT_ONCE", 6)
    file = tmp_path / "book.txt"
    file.write_text(
        "CHAPTER 1.\n\nThe cat sat\non the mat. In 1812 it rained. “The dog did not!” It slept.", encoding="utf-8"
    )
    found = list(phoneme_strings([file]))
    assert len(found) == 2
    assert " ".join(found).startswith(phonemize("The cat sat on the mat."))
    assert "ɹˈAn" not in " ".join(found)


def test_numbers_fit_their_bits() -> None:
    assert len(PhonemeLM.load().symbols) <= 1 << phoneme_lm.BITS
