"""Text to phonemes: English by dictionary and rules, other languages by espeak-ng."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from helpers import ROOT

from nuanced_speech.core.errors import UserError
from nuanced_speech.models.kokoro import CONFIG
from nuanced_speech.text.g2p import phoneme_chunks, phonemize, split_phonemes

VOCABULARY = set(json.loads(CONFIG.read_text(encoding="utf-8"))["vocab"])


def test_known_english_words() -> None:
    assert phonemize("Hello, world!") == "həlˈO, wˈɜɹld!"
    assert phonemize("Hello, world!", british=True) == "həlˈQ, wˈɜːld!"


def test_the_same_letters_by_their_part_of_speech() -> None:
    """The reason for the language model: a tag decides."""
    noun, verb = phonemize("They keep a record."), phonemize("They record a song.")
    assert "ɹˈɛkəɹd" in noun
    assert "ɹəkˈɔɹd" in verb


def test_numbers_are_said() -> None:
    assert phonemize("42") == phonemize("forty two")


def test_a_pronunciation_can_be_given() -> None:
    assert phonemize("[Kokoro](/kˈOkəɹO/)") == "kˈOkəɹO"


def test_words_that_no_dictionary_has_are_said_all_the_same() -> None:
    phonemes = phonemize("The blorptangle snoozed.")
    assert set(phonemes) <= VOCABULARY
    made_up = phonemes.split()[1]
    assert made_up.startswith("bl")
    assert len(made_up) >= 8


def test_spanish() -> None:
    phonemes = phonemize("Hola, buenos días.", "es")
    assert phonemes.startswith("ˈola")
    assert "bwˈenos" in phonemes
    assert set(phonemes) <= VOCABULARY


@pytest.mark.parametrize("language", ["fr", "it", "pt", "hi"])
def test_languages_have_their_own_rules(language: str) -> None:
    text = "नमस्ते" if language == "hi" else "Amore, generale"
    phonemes = phonemize(text, language)
    assert sum(symbol in VOCABULARY for symbol in phonemes) / len(phonemes) > 0.9
    assert phonemes != phonemize("Amore, generale", "es")


@pytest.mark.parametrize(
    ("text", "language", "message"),
    [
        ("សួស្តី", "km", "no phonemes for the language 'km': neither Kokoro nor espeak-ng speaks it; say which"),
        ("", "en", "nothing speakable in the text ''"),
        ("... !", "en", "nothing speakable in the text"),
        ("?!", "es", "nothing speakable in the text"),
    ],
)
def test_what_cannot_be_spoken(text: str, language: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        phonemize(text, language)


@pytest.mark.parametrize("text", ["", "  \n ", "... — !"])
def test_a_text_without_words_has_no_pieces(text: str) -> None:
    with pytest.raises(UserError, match="nothing speakable"):
        phoneme_chunks(text)


def test_short_sentences_share_a_piece_and_marks_alone_make_none() -> None:
    assert phoneme_chunks("Hello! — World. …") == [f"{phonemize('Hello!')} — {phonemize('World.')}"]


def test_pieces_stay_under_the_limit_and_lose_nothing() -> None:
    text = " ".join(f"This is sentence number {k}, and it is not a very long one." for k in range(12))
    pieces = phoneme_chunks(text, limit=120)
    assert len(pieces) > 5
    assert all(0 < len(piece) <= 120 for piece in pieces)
    assert "".join(pieces).replace(" ", "") == "".join(phoneme_chunks(text, limit=10_000)).replace(" ", "")
    # two sentences of about 55 fit together, so no piece but the last is needlessly short
    assert min(len(piece) for piece in pieces[:-1]) > 40


def test_one_long_sentence_is_cut_between_words() -> None:
    sentence = "and " * 200
    pieces = phoneme_chunks(sentence, limit=60)
    assert all(len(piece) <= 60 for piece in pieces)
    words = phonemize(sentence).split()
    assert " ".join(pieces).split() == words


def test_a_word_longer_than_the_limit_is_cut_within() -> None:
    assert split_phonemes("a" * 25 + " bc", 10) == ["a" * 10, "a" * 10, "aaaaa bc"]
    assert split_phonemes("ab cd", 5) == ["ab cd"]
    assert split_phonemes("", 5) == []


def test_no_engine_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, nuanced_speech.text.g2p, nuanced_speech.text.pronunciation, nuanced_speech.text.english;"
        "heavy = {'spacy', 'misaki', 'jieba', 'torch', 'transformers'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ, PYTHONPATH=str(ROOT)))
