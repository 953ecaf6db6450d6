"""The text front end: a written sentence to the words that are spoken.

written text → ``cleaning.clean`` → ``markup.plain_text`` → ``notation.segments`` → ``sentences.sentences`` → here, a
sentence at a time: pronunciation dictionary → ``readings`` → numbers and signs by ``grammars`` → phonemes
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from nuanced_speech.text import grammars, notation, readings
from nuanced_speech.text.chunks import Chunk, aligned, spoken
from nuanced_speech.text.cleaning import clean
from nuanced_speech.text.detection import language_stretches
from nuanced_speech.text.dictionary import Dictionary
from nuanced_speech.text.markup import plain_text
from nuanced_speech.text.notation import TextSegment
from nuanced_speech.text.readings.rules import URL
from nuanced_speech.text.sentences import sentences

# What a sentence without numbers, signs and abbreviations is made of.
_PLAIN = re.compile(
    r"(?:[^\W\d_]|[\s.,;:!?…'’‘\"“”„«»‹›()\[\]—–\-¿¡।。、，！？；：「」『』（）《》〈〉・\ue100-\uf8ff\u0300-\u036f"
    r"\u0900-\u0963\u0970-\u097f])*"
)
_FRENCH_NUMBER = re.compile(
    r"(?<![\w.,:/-])\d{2}(?=\s+(?!janv|fév|mars|avr|mai|juin|juil|ao|sept|oct"
    r"|nov|déc|mill)[a-zà-ÿ]{2})"
)
# Marks beside words, but for the brackets of a telephone number: a number that touches one is not read in Portuguese.
_MARK = re.compile(
    r"(?<=\S)(?:[,.;:!?…\]»”\"]|\)(?!\s?\d))+(?=\s|$)|(?:(?<=\s)|^)(?:[\[«“\"]|\((?!\d{2,3}\)\s?\d))+(?=\S)"
)
_SPOKEN_COMMA, _LISTED = frozenset(("de", "es", "it")), re.compile(r"(?<=[\d.]),(?=\s)")
# Words in Latin letters, but for acronyms and units, and characters for private use that stand for them: not those of
# ``notation``.
_OTHER_SCRIPTS = frozenset(("hi", "ja", "zh"))
_LATIN = r"(?=[A-Za-z]*[a-z])(?:[A-Za-z]{5,}|[A-Z][a-z]+|[a-z]+[A-Z][A-Za-z]*)"
_LATIN_WORD = re.compile(rf"(?<![A-Za-z0-9./@-]){_LATIN}(?:[' -]{_LATIN})*(?![A-Za-z0-9/@-]|\.\w)")
_PRIVATE, _MOST_WORDS = 0xE000, 0xFF
# A point inside the sentence, or a raised letter: an abbreviation.
_ABBREVIATED = re.compile(r"[^\s.]\.\s?\w|[ªºʰ-ʸᵃ-ᶿⁿ¹²³⁰-₉¼-¾⅐-⅟]")


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
    if language in _OTHER_SCRIPTS and not URL.search(sentence):
        return _with_latin_words(sentence, language)
    return _in_words(sentence, language)


def _with_latin_words(sentence: str, language: str) -> str:
    """A sentence in words but for its words in Latin letters, which the grammars of other scripts spell."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return chr(_PRIVATE + len(kept) - 1) if len(kept) < _MOST_WORDS else match[0]

    words = _in_words(_LATIN_WORD.sub(keep, sentence), language)
    return re.sub(f"[{chr(_PRIVATE)}-{chr(_PRIVATE + _MOST_WORDS)}]", lambda m: kept[ord(m[0]) - _PRIVATE], words)


def _in_words(sentence: str, language: str) -> str:
    text = readings.before_grammar(sentence, language)
    if needs_grammar(text, language):
        # some grammars say the comma after a number
        apart = _LISTED.sub(" ,", text) if language in _SPOKEN_COMMA else text
        words = grammars.verbalized(apart, language) or grammars.verbalized(_MARK.sub(r" \g<0> ", text), language)
        text = _ended(spoken(aligned(text, words)), text) if words else text
    return readings.after_grammar(text, language)


def _ended(words: str, text: str) -> str:
    """Words with the full stop of their sentence, which a grammar may take for that of a month or a title."""
    return f"{words}." if re.search(r"\w\.$", text) and words[-1:].isalnum() else words


def needs_grammar(sentence: str, language: str) -> bool:
    """Whether a sentence has anything but words and marks, and the language has a grammar."""
    if language == "fr":
        # espeak-ng gives a number of two digits one stress, and its words in letters two
        sentence = _FRENCH_NUMBER.sub("", sentence)
    plain = _PLAIN.fullmatch(sentence) and not _ABBREVIATED.search(sentence)
    if language == "zh" and re.search("[A-Za-z]", sentence):
        # its grammar knows acronyms in small letters
        plain = None
    return not plain and language in _languages()


@lru_cache
def _languages() -> frozenset[str]:
    return frozenset(grammars.languages())


def spoken_text(sentence: str, language: str = "en", dictionary: Dictionary | None = None) -> str:
    """The words that are spoken for a sentence, with the notation of ``text.notation``."""
    return spoken(chunks(sentence, language, dictionary))


def written_segments(text: str) -> list[TextSegment]:
    """The segments of a text with markup, cleaned.

    Raises:
        UserError: as ``notation.segments``.
    """
    return notation.segments(plain_text(clean(text)))


def spoken_sentences(text: str, language: str = "en", dictionary: Dictionary | None = None) -> Iterator[str]:
    """What is spoken for a text with markup, sentence by sentence, with its pauses and voices in notation.

    Raises:
        UserError: as ``notation.segments``.
    """
    voice: str | None = None
    for segment in written_segments(text):
        mark = f"[voice{':' + segment.voice if segment.voice else ''}] " if segment.voice != voice else ""
        voice = segment.voice
        pause = "" if segment.pause is None else f" [pause:{segment.pause:g}s]"
        texts = [
            "".join(
                spoken_text(stretch, own, dictionary) for stretch, own in language_stretches(sentence.text, language)
            )
            for sentence in sentences(segment.text, language)
        ]
        if texts:
            texts[0], texts[-1] = mark + texts[0], texts[-1] + pause if len(texts) > 1 else mark + texts[0] + pause
        yield from texts or ([pause.strip()] if pause else [])
