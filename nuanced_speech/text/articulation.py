"""Phones of any language, written with the symbols that Kokoro knows.

Kokoro learned the sounds of nine languages. A sound of another language is written with the symbol whose articulation
(place, manner, voice; height, backness, rounding) is nearest, or with two symbols that follow each other. The table is
plain data, ``data/articulation.tsv``; ``benchmarks/mapped_languages.py`` compares it with panphon's phonetic features.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from nuanced_speech.core.constants import DATA
from nuanced_speech.core.symbols import vocabulary

TABLE = DATA / "articulation.tsv"
EVERY = "*"
TIE = "\u0361"
# A letter with its marks and the letters that are tied to it, or anything else by itself.
_LETTER = r"[^\W\d_][\u0300-\u0360\u0362-\u036fʰʲʼˤ`]*"
_PHONE = re.compile(rf"(?:{_LETTER}|\?(?={TIE}))(?:{TIE}{_LETTER})*|.")


# A German r after a vowel and before none is a vowel itself.
_VOWEL = "aeiouyøœɑɐɔəɛɜɪʊʏ"
_IN_CONTEXT = {"de": (re.compile(f"(?<=[{_VOWEL}ː])ɾ(?![ˈˌ]?[{_VOWEL}])"), "ɐ")}


@dataclass(frozen=True)
class Sound:
    """What stands for a phone: Kokoro's symbols, and how near they are (``same``, ``near``, ``far``,
    ``none`` if nothing does, ``tone``)."""

    symbols: str
    nearness: str


@lru_cache
def table(language: str) -> dict[str, Sound]:
    """The phones of a language that are not written as Kokoro writes them."""
    specific, general = {}, {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        languages, phone, symbols, nearness = line.split("\t")
        if language in languages.split():
            specific[phone] = Sound(symbols, nearness)
        elif languages == EVERY:
            general[phone] = Sound(symbols, nearness)
    return general | specific


def to_kokoro(ipa: str, language: str) -> str:
    """Phones of espeak-ng, with ties, in Kokoro's symbols. Spaces, stress, length and punctuation stay.

    Args:
        ipa: IPA; ``t͡s`` is an affricate, as espeak-ng writes it.
        language: ISO 639-1 code, for phones that mean another sound in one language than in the others.
    """
    return "".join(sound.symbols for _, sound in sounds(ipa, language))


def left_out(ipa: str, language: str) -> set[str]:
    """The phones of a string that nothing stands for."""
    return {phone for phone, sound in sounds(ipa, language) if sound.nearness == "none"}


def far(ipa: str, language: str) -> set[str]:
    """The phones of a string that another sound stands for."""
    return {phone for phone, sound in sounds(ipa, language) if sound.nearness == "far"}


def sounds(ipa: str, language: str) -> Iterator[tuple[str, Sound]]:
    """The phones of a string, each with what stands for it."""
    # marks one by one, as the table and the vocabulary have them, but ç whole
    text = unicodedata.normalize("NFD", ipa.replace("^", "")).replace("c\u0327", "ç")
    text = re.sub(f"{TIE}+", TIE, text)
    # a dot inside a word is part of a sign of espeak-ng's: r. is the retroflex flap
    text = re.sub(r"\.(?=[^\W\d_])", "", re.sub(r"r\.(?=\S)", "ɽ", text))
    if language in _IN_CONTEXT:
        pattern, phone = _IN_CONTEXT[language]
        text = pattern.sub(phone, text)
    for phone in _PHONE.findall(text):
        yield from _sound(phone, table(language))


def _sound(phone: str, sounds: dict[str, Sound]) -> Iterator[tuple[str, Sound]]:
    """A phone, or its longest beginning, as the table has it; else its parts: tied letters, a letter and its marks."""
    ends = range(len(phone), 0, -1)
    # a tied letter is cut off only where the table says that it has no sound
    end = next((k for k in ends if (at := sounds.get(phone[:k])) and (phone[k : k + 1] != TIE or not at.symbols)), 1)
    same = Sound(phone[0], "same") if phone[0] in vocabulary() else Sound("", "none")
    yield phone[:end], sounds.get(phone[:end], same)
    if rest := phone[end:].lstrip(TIE):
        yield from _sound(rest, sounds)
