"""The words of a sentence, each with its phonemes."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from nuanced_speech.text import foreign, notation
from nuanced_speech.text.chunks import Chunk, spoken
from nuanced_speech.text.dictionary import Dictionary
from nuanced_speech.text.engines import engine, japanese_g2p, mandarin_g2p, speaks
from nuanced_speech.text.frontend import chunks
from nuanced_speech.text.scripts import speakable


@dataclass(frozen=True)
class Word:
    """A word with its punctuation, and its phonemes in the sentence, followed by a space where there is one."""

    text: str
    phonemes: str


def pronounce(
    text: str, language: str = "en", british: bool = False, dictionary: Dictionary | None = None
) -> list[Word]:
    """The words of a sentence as they are written, each with its phonemes as they are in the sentence.

    Numbers, signs and abbreviations are spoken as words; ``[word](/ipa/)`` gives a word's pronunciation in every
    language. English tokens come with their phonemes; in other languages the sentence's phonemes are divided among the
    words by what each word would be alone.

    Args:
        text: one sentence.
        language: ISO 639-1 code as Whisper names it.
        british: British instead of American English.
        dictionary: pronunciations of one's own.

    Raises:
        UserError: as ``engine``. Where nothing can be spoken, the words have no phonemes.
    """
    pieces = chunks(text, language, dictionary)
    words: list[Word] = []
    for written, spoken_form, stretch_language in stretches(spoken(pieces), language):
        group = _spoken(spoken_form, stretch_language, british)
        if written != spoken_form and group:
            group = [Word(notation.plain(written).strip(), "".join(word.phonemes for word in group))]
        words += group
    return _as_written(words, pieces)


def stretches(text: str, language: str) -> list[tuple[str, str, str]]:
    """The stretches of spoken text by script and language: as written, as an engine is to be given it, its language."""
    hidden, kept = notation.hidden(text)
    result: list[tuple[str, str, str]] = []
    for written, spoken_form, stretch_language in speakable(hidden, language, speaks):
        own = foreign.stretches(written, language) if written == spoken_form and stretch_language == language else ()
        result += [(stretch, stretch, other) for stretch, other in own] or [(written, spoken_form, stretch_language)]
    return [(notation.shown(written, kept), notation.shown(form, kept), own) for written, form, own in result]


def _spoken(text: str, language: str, british: bool) -> list[Word]:
    g2p = engine(language, british)
    if language == "en":
        return _grouped(g2p(notation.joined(text))[1])
    words: list[Word] = []
    for part, phonemes in notation.split(text):
        if phonemes is not None:
            words.append(Word(part, phonemes + " "))
        elif part.strip():
            texts = _words(part, language)
            words += _aligned(texts, g2p(part)[0].strip() + " ", [g2p(word)[0].strip() for word in texts])
    return words


def _as_written(words: list[Word], pieces: list[Chunk]) -> list[Word]:
    """The spoken words joined, where it takes several of them to speak one written piece."""
    if all(piece.written == piece.spoken for piece in pieces):
        return words
    lengths = [_length(notation.plain(piece.spoken)) for piece in pieces]
    if sum(lengths) != sum(_length(word.text) for word in words):
        return words
    written: list[Word] = []
    group: list[Chunk] = []
    spoken_words: list[Word] = []
    rest, ahead = list(words), 0
    for piece, length in zip(pieces, lengths, strict=True):
        group.append(piece)
        ahead += length
        while rest and ahead > 0:
            ahead -= _length(rest[0].text)
            spoken_words.append(rest.pop(0))
        if ahead == 0:
            written += _group(group, spoken_words)
            group, spoken_words = [], []
    return written + _group(group, spoken_words)


def _group(pieces: list[Chunk], words: list[Word]) -> list[Word]:
    if not words:
        return []
    if all(piece.written == piece.spoken for piece in pieces):
        return words
    text = "".join(piece.written for piece in pieces).strip()
    return [Word(text, "".join(word.phonemes for word in words))]


def _length(text: str) -> int:
    return sum(not c.isspace() for c in text)


def _grouped(tokens: list[Any]) -> list[Word]:
    """The words of misaki's tokens: tokens that no space separates are joined, so that marks belong to their word."""
    words, text, phonemes = [], "", ""
    for token in tokens:
        text, phonemes = text + token.text, phonemes + (token.phonemes or "")
        if token.whitespace:
            words.append(Word(text, phonemes + " "))
            text = phonemes = ""
    return [*words, Word(text, phonemes)] if text else words


def _words(text: str, language: str) -> list[str]:
    """The words of a text as it is written, marks with the word before them."""
    if language == "ja":
        tokens = [word.surface for word in japanese_g2p().tagger(text)]
    elif language == "zh":
        tokens = mandarin_g2p().words(text)
    elif language == "yue":  # a character is a syllable
        tokens = list(text)
    else:
        return text.split()
    words: list[str] = []
    for word in (w for w in tokens if w.strip()):
        if words and not any(c.isalnum() for c in word) and word not in "「『《【（“‘":
            words[-1] += word
        else:
            words.append(word)
    return words


def _aligned(texts: list[str], phonemes: str, alone: list[str]) -> list[Word]:
    """Divide the phonemes of a sentence among its words.

    Where spaces do not tell (French and Portuguese run words together, Mandarin writes no spaces), the boundaries are
    carried over from the words' own phonemes, by the longest common parts of both strings.
    """
    parts = re.findall(r"\S+\s+", phonemes)
    if len(parts) == len(texts):
        return [Word(text, part) for text, part in zip(texts, parts, strict=True)]
    blocks = SequenceMatcher(None, "".join(alone), phonemes, autojunk=False).get_matching_blocks()
    here, there = [0], [0]
    for block in blocks:
        here += [block.a, block.a + block.size]
        there += [block.b, block.b + block.size]
    ends = np.cumsum([len(word) for word in alone])
    bounds = np.round(np.interp(ends, here, there)).astype(int)
    # a space belongs to the word before it
    bounds = [b + 1 if b < len(phonemes) and phonemes[b] == " " else b for b in bounds.tolist()]
    bounds[-1] = len(phonemes)
    return [Word(text, phonemes[a:b]) for text, a, b in zip(texts, [0, *bounds[:-1]], bounds, strict=True)]
