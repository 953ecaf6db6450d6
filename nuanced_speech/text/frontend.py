"""The text front end: a written sentence to the words that are spoken.

written text → ``cleaning.clean`` → ``markup.plain_text`` → ``notation.segments`` → ``sentences.sentences`` → here, a
sentence at a time: pronunciation dictionary → ``readings`` → numbers and signs by ``grammars`` → phonemes
"""

import re
from functools import lru_cache

from nuanced_speech.text import grammars, notation, readings
from nuanced_speech.text.chunks import Chunk, aligned, spoken
from nuanced_speech.text.cleaning import clean
from nuanced_speech.text.dictionary import Dictionary

# What a sentence without numbers, signs and abbreviations is made of.
_PLAIN = re.compile(
    r"(?:[^\W\d_]|[\s.,;:!?…'’‘\"“”„«»‹›()\[\]—–\-¿¡।。、，！？；：「」『』（）《》〈〉・\ue100-\uf8ff\u0300-\u036f"
    r"\u0900-\u0963\u0970-\u097f])*"
)
# A point inside the sentence, or a raised letter: an abbreviation.
_ABBREVIATED = re.compile(r"\w\.[\s\w]*\w|[ªºʰ-ʸᵃ-ᶿⁿ]")


def chunks(sentence: str, language: str, dictionary: Dictionary | None = None) -> list[Chunk]:
    """A sentence in pieces, each with the words that are spoken for it. The notation of the text stays."""
    written, kept = notation.hidden(clean(sentence))
    text = written
    if dictionary is not None:
        text, kept = notation.hidden(dictionary.applied(written), kept)
    words = in_words(text, language)
    if words == written:
        return [Chunk(sentence, notation.shown(written, kept))]
    return [
        Chunk(notation.plain(notation.shown(piece.written, kept)), notation.shown(piece.spoken, kept))
        for piece in aligned(written, words)
    ]


@lru_cache(maxsize=4096)
def in_words(sentence: str, language: str) -> str:
    """A sentence with its numbers, signs and abbreviations in words. Plain sentences stay as they are."""
    text = readings.before_grammar(sentence, language)
    if needs_grammar(text, language):
        words = grammars.verbalized(text, language)
        text = spoken(aligned(text, words)) if words else text
    return readings.after_grammar(text, language)


def needs_grammar(sentence: str, language: str) -> bool:
    """Whether a sentence has anything but words and marks, and the language has a grammar."""
    plain = _PLAIN.fullmatch(sentence) and not _ABBREVIATED.search(sentence)
    return not plain and language in _languages()


@lru_cache
def _languages() -> frozenset[str]:
    return frozenset(grammars.languages())


def spoken_text(sentence: str, language: str = "en", dictionary: Dictionary | None = None) -> str:
    """The words that are spoken for a sentence, with the notation of ``text.notation``."""
    return spoken(chunks(sentence, language, dictionary))
