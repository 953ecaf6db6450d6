"""What the recogniser writes: words as a whole where they are known, symbols where not."""

from __future__ import annotations

from pathlib import Path

import torch

from nuanced_speech.kokoro import vocabulary
from nuanced_speech.lexicon import END, SYMBOLS, Lexicon
from nuanced_speech.text import in_dictionary, phonemize
from nuanced_speech.train.pronounced import pronounced_words
from nuanced_speech.whisper import Listener

LEXICON = Lexicon({"ðə": [262], "kˈæt": [3797], "nˈO": [645, 760]})


def test_known_words_are_one_token_and_others_are_spelled() -> None:
    tokens = LEXICON.tokens("ðə kˈæt ɹˈæn, nˈO!")
    symbols = vocabulary()
    assert tokens == [SYMBOLS, SYMBOLS + 1, *(symbols[c] for c in " ɹˈæn,"), SYMBOLS + 2, symbols["!"]]
    assert [LEXICON.sizes[t] for t in tokens] == [3, 5, 1, 1, 1, 1, 1, 1, 4, 1]


def test_tokens_are_the_phonemes_again() -> None:
    said = phonemize("The cat, whose name nobody knew (no!), ran… and \u201cthat\u201d was it.")
    assert LEXICON.phonemes(LEXICON.tokens(said)) == said
    assert LEXICON.phonemes([END]) == ""


def test_it_is_read_as_it_was_saved(tmp_path: Path) -> None:
    LEXICON.save(tmp_path / "lexicon.json")
    again = Lexicon.load(tmp_path / "lexicon.json")
    assert again.words == LEXICON.words
    assert len(again) == SYMBOLS + 3


def test_words_begin_as_what_whisper_knows_of_them(listener: Listener) -> None:
    rows = LEXICON.first_rows(listener)
    embedding = listener.model.decoder.token_embedding.weight
    assert torch.allclose(rows[SYMBOLS], embedding[262])
    no, know = (torch.nn.functional.cosine_similarity(rows[SYMBOLS + 2], embedding[k], 0) for k in (645, 760))
    assert no > 0.6
    assert know > 0.5
    assert torch.equal(rows[END], embedding[listener.english_tokenizer.eot])


def test_whispers_tokens_are_pronounced(listener: Listener) -> None:
    words = pronounced_words(listener, 1500).words
    encode = listener.english_tokenizer.encode
    # what sounds the same is one word, and what is said in two ways is two
    assert {*encode(" no"), *encode(" know")} <= {*words["nˈO"]}
    assert encode(" the")[0] in words["ðə"]
    assert encode(" the")[0] in words["ði"]
    # parts of words are none
    parts = {k for tokens in words.values() for k in tokens}
    assert encode("ing")[0] not in parts
    assert all(listener.english_tokenizer.decode([k]).startswith(" ") for k in parts)


def test_the_dictionary_knows_words_and_no_others() -> None:
    assert in_dictionary("nobody")
    assert in_dictionary("Thomas")
    assert not in_dictionary("nobodyish")
    assert not in_dictionary("xqzt")
