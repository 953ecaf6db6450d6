"""A text that is still being written, to sentences, each as soon as it is complete."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nuanced_speech.text.sentences import split_sentences

_MARKS = ".!?…。！？"
_CLOSING = "\"'”’»)]"
_CLAUSE_END = re.compile(r"[,;:—]\s")
# Brackets would be read as notation, such as the name of a voice.
_BRACKETS = str.maketrans("[]", "()")


@dataclass(frozen=True)
class SentenceConfig:
    """When the first words are spoken.

    Attributes:
        first_sentence: letters beyond which the first sentence is cut at a comma, so that its sound comes sooner.
        first_clause: fewest letters before that comma.
        longest: letters beyond which any sentence is cut at a space.
    """

    first_sentence: int = 60
    first_clause: int = 20
    longest: int = 400


def sentence_stream(
    pieces: Iterable[str], language: str = "en", config: SentenceConfig = SentenceConfig()
) -> Iterator[str]:
    """The sentences of a text that comes in pieces.

    A last sentence that breaks off, because the writer reached its limit, is left out unless it is the only one.

    Args:
        pieces: pieces of the text in order.
        language: language of the text, ISO 639-1.
        config: when the first words are spoken.
    """
    rest, given = "", 0
    for piece in pieces:
        rest += piece.translate(_BRACKETS)
        *complete, rest = _split(rest, language)
        for sentence in complete:
            given += 1
            yield sentence
        if not given and (clause := _clause(rest, config)):
            given += 1
            yield rest[:clause].strip()
            rest = rest[clause:]
        while len(rest) > config.longest:
            at = rest.rfind(" ", 1, config.longest)
            at = config.longest if at < 0 else at
            given += 1
            yield rest[:at].strip()
            rest = rest[at:]
    if rest.strip() and (not given or rest.rstrip(_CLOSING + " \n")[-1:] in _MARKS):
        yield rest.strip()


def _split(text: str, language: str) -> list[str]:
    """Complete sentences, and the beginning of the next one, which keeps its spaces."""
    *lines, last = re.split(r"\n+", text)
    parts = [part for line in lines for part in split_sentences(line, language) if _speakable(part)]
    if not any(mark in last for mark in _MARKS):
        return [*parts, last]
    sentences = [part for part in split_sentences(last, language) if part]
    if not sentences:
        return [*parts, last]
    # the last one may go on, and keeps its spaces
    return [*parts, *filter(_speakable, sentences[:-1]), last[last.rindex(sentences[-1]) :]]


def _clause(text: str, config: SentenceConfig) -> int:
    """Where to cut a long first sentence; 0 for nowhere."""
    if len(text) < config.first_sentence:
        return 0
    ends = [match.end() for match in _CLAUSE_END.finditer(text)]
    return next((end for end in ends if end >= config.first_clause), 0)


def _speakable(text: str) -> bool:
    return any(symbol.isalnum() for symbol in text)
