"""The words of a sentence, each with its phonemes."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from nuanced_speech.text.engines import engine, japanese_g2p, mandarin_g2p
from nuanced_speech.text.sentences import PRONUNCIATION


@dataclass(frozen=True)
class Word:
    """A word with its punctuation, and its phonemes in the sentence, followed by a space where there is one."""

    text: str
    phonemes: str


def pronounce(text: str, language: str = "en", british: bool = False) -> list[Word]:
    """The words of a sentence, each with its phonemes as they are in the sentence.

    ``[word](/ipa/)`` gives a word's pronunciation in every language. English tokens come with their phonemes; in other
    languages the sentence's phonemes are divided among the words by what each word would be alone.

    Raises:
        UserError: as ``engine``. Where nothing can be spoken, the words have no phonemes.
    """
    g2p = engine(language, british)
    if language == "en":
        return _grouped(g2p(text)[1])
    words: list[Word] = []
    for number, part in enumerate(re.split(r"(\[[^\[\]]+\]\(/[^()]*/\))", text)):
        override = PRONUNCIATION.fullmatch(part)
        if override:
            words.append(Word(override[1], override[2] + " "))
        elif number % 2 == 0 and part.strip():
            texts = _words(part, language)
            words += _aligned(texts, g2p(part)[0].strip() + " ", [g2p(word)[0].strip() for word in texts])
    return words


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
        mandarin_g2p()
        import jieba

        tokens = jieba.lcut(text)
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
