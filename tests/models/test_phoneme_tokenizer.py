"""What the recogniser writes: words as a whole where they are known, symbols where not."""

from __future__ import annotations

from pathlib import Path

import torch

from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.models.phoneme_tokenizer import END, SYMBOLS, PhonemeTokenizer
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.english import dictionary, in_dictionary
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.train.letters import Letters
from nuanced_speech.train.pronounced import pronounced_words, with_parts

LEXICON = PhonemeTokenizer({"ðə": [262], "kˈæt": [3797], "nˈO": [645, 760]})
# " cat" begins longer words too
PARTED = PhonemeTokenizer(
    LEXICON.words,
    [(" kˈæt", 3797, 0.8), (" kət", 3797, 0.2), ("ᵊl", 293, 1.0), ("z", 82, 0.75), ("s", 82, 0.25)],
    {"kˈætᵊlz": [SYMBOLS + 3, SYMBOLS + 5, SYMBOLS + 6]},
)


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
    again = PhonemeTokenizer.load(tmp_path / "lexicon.json")
    assert again.words == LEXICON.words
    assert len(again) == SYMBOLS + 3


def test_longer_words_are_written_part_by_part(tmp_path: Path) -> None:
    tokens = PARTED.tokens("ðə kˈætᵊlz kˈæt")
    assert tokens == [SYMBOLS, SYMBOLS + 3, SYMBOLS + 5, SYMBOLS + 6, SYMBOLS + 1]
    assert [PARTED.sizes[t] for t in tokens] == [3, 5, 2, 1, 5]
    assert PARTED.phonemes(tokens) == "ðə kˈætᵊlz kˈæt"
    PARTED.save(tmp_path / "lexicon.json")
    assert PhonemeTokenizer.load(tmp_path / "lexicon.json").tokens("kˈætᵊlz") == tokens[1:4]
    # what is shipped with the weights can write, and need not know how
    shipped = PhonemeTokenizer.from_json(PARTED.json())
    assert shipped.phonemes(tokens) == "ðə kˈætᵊlz kˈæt"
    assert len(shipped.tokens("kˈætᵊlz")) == 8


def test_an_ending_is_voiced_only_after_what_is_voiced() -> None:
    assert PARTED.phonemes([SYMBOLS + 1, SYMBOLS + 6, SYMBOLS]) == "kˈæts ðə"
    assert PARTED.phonemes([SYMBOLS + 1, SYMBOLS + 6, *LEXICON.tokens("O!")[1:]]) == "kˈætzO!"
    assert PARTED.phonemes([SYMBOLS + 2, SYMBOLS + 6]) == "nˈOz"


def test_what_a_token_stands_for_is_shared_out() -> None:
    shares = PARTED.prior().exp()
    word, begins = shares[SYMBOLS + 1], shares[SYMBOLS + 3 : SYMBOLS + 5]
    assert torch.allclose(begins[0], 4 * begins[1])
    assert torch.isclose(word + begins.sum(), torch.tensor(1.0))
    assert word > 5 * begins.sum()
    assert torch.allclose(shares[SYMBOLS + 5 :], torch.tensor([1.0, 0.75, 0.25]))
    assert torch.equal(LEXICON.prior(), torch.zeros(len(LEXICON)))


def test_words_begin_as_what_whisper_knows_of_them(listener: WhisperModel) -> None:
    rows = LEXICON.initial_embeddings(listener)
    embedding = listener.model.decoder.token_embedding.weight
    assert torch.allclose(rows[SYMBOLS], embedding[262])
    no, know = (torch.nn.functional.cosine_similarity(rows[SYMBOLS + 2], embedding[k], 0) for k in (645, 760))
    assert no > 0.6
    assert know > 0.5
    assert torch.equal(rows[END], embedding[listener.english_tokenizer.eot])
    assert torch.equal(PARTED.initial_embeddings(listener)[SYMBOLS + 6], embedding[82])


def test_whispers_tokens_are_pronounced(listener: WhisperModel) -> None:
    words = pronounced_words(listener, 1500, parts=0).words
    encode = listener.english_tokenizer.encode
    # what sounds the same is one word, and what is said in two ways is two
    assert {*encode(" no"), *encode(" know")} <= {*words["nˈO"]}
    assert encode(" the")[0] in words["ðə"]
    assert encode(" the")[0] in words["ði"]
    # parts of words are not among them
    parts = {k for tokens in words.values() for k in tokens}
    assert encode("ing")[0] not in parts
    assert all(listener.english_tokenizer.decode([k]).startswith(" ") for k in parts)


def test_letters_are_found_to_stand_for_phonemes() -> None:
    known = dictionary()
    letters = Letters.learn(sorted(known.items())[::250])
    assert letters.align("knowledge", "nˈɑləʤ") == ["", "n", "ˈɑ", "", "l", "ə", "", "ʤ", ""]
    assert letters.align("boxes", known["boxes"]) == ["b", "ˈɑ", "ks", "ᵻ", "z"]
    assert letters.align("a", "ˌAbˌisˈi") is None


def test_longer_words_are_parted_as_whisper_parts_them(listener: WhisperModel) -> None:
    known = {word: p for word, p in dictionary().items() if word[:2] in ("th", "cr")}
    encode = listener.english_tokenizer.encode
    lexicon = with_parts(listener, {"ðˈæt": encode(" that")}, known, 1500, learned=800)
    assert len(lexicon.parts) == 1500
    # one that is a single token is written whole
    assert lexicon.tokens("ðˈæt") == [SYMBOLS]
    written = [lexicon.tokens(known[word]) for word in known if len(encode(" " + word)) == 2]
    assert sum(len(tokens) == 2 for tokens in written) > 0.5 * len(written)
    parts = [lexicon.parts[token - SYMBOLS - 1] for token in lexicon.tokens(known["crouching"])]
    assert "".join(phonemes for phonemes, _, _ in parts) == " kɹˈWʧɪŋ"
    assert [token for _, token, _ in parts] == encode(" crouching")


def test_the_dictionary_has_what_is_regularly_made_of_its_words() -> None:
    known = dictionary()
    assert known["cat"] == "kˈæt"
    assert known["exhibited"] == "ɪɡzˈɪbəTᵻd"
    assert known["it's"] == "ɪts"
    assert known["patient's"] == known["patients"] == "pˈAʃənts"
    assert not any("ɾ" in phonemes for phonemes in known.values())


def test_the_dictionary_knows_words_and_no_others() -> None:
    assert in_dictionary("nobody")
    assert in_dictionary("Thomas")
    assert not in_dictionary("nobodyish")
    assert not in_dictionary("xqzt")
