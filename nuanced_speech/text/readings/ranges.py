"""Ranges of times and numbers: "8.00-16.00" in all languages, and "3-4" before a word where there is no grammar."""

import re
from functools import lru_cache

from nuanced_speech.text.numbers import COMMA_LANGUAGES, number_words

# What stands between two times of day, and between two numbers. Where it is nothing, the two numbers stand side by
# side, as these languages say an estimate.
_BETWEEN_TIMES = {
    "en": "to", "de": "bis", "es": "a", "fr": "à", "it": "a", "pt": "a", "ru": "–", "nl": "tot", "sv": "till",
    "da": "til", "no": "til", "nn": "til", "ca": "a", "id": "sampai", "vi": "đến", "ro": "–", "pl": "–", "cs": "–",
    "sk": "–", "uk": "–", "fi": "–", "hu": "–", "tr": "–",
}  # fmt: skip
_BETWEEN = {
    "nl": "tot", "sv": "till", "da": "til", "no": "til", "nn": "til", "ca": "a", "id": "sampai", "vi": "đến",
    "ro": "", "pl": "", "cs": "", "sk": "", "sl": "", "sr": "", "uk": "", "be": "", "lt": "", "lv": "", "fi": "",
    "hu": "", "tr": "", "ru": "",
}  # fmt: skip
_CLOCK = r"([01]?\d|2[0-4])[.:]([0-5]\d)"
_TIMES = re.compile(rf"(?<![\w.,:/+$€£-]){_CLOCK}\s?[-–—]\s?{_CLOCK}(?!\s?[$€£%]|[\w:/-]|[.,]\d)")
# Before them, a point in English is that of a time; prices have one too.
_OPEN = re.compile(r"\b(?:open|closed|hours|from|between|daily|(?:mon|tues?|wed|thu|fri|satur|sun)\w*)\b[^.]*$", re.I)


def in_words(sentence: str, language: str) -> str:
    """A sentence with the marks between two times or numbers in words, and these numbers too."""
    if not re.search(r"\d\s?[-–—]\s?\d", sentence):
        return sentence
    if language in _BETWEEN_TIMES:
        sentence = _TIMES.sub(lambda match: _times(match, language), sentence)
    if language in _BETWEEN:
        sentence = _numbers(language).sub(lambda match: _spoken(match, language), sentence)
    return sentence


def _times(match: re.Match[str], language: str) -> str:
    if language == "en" and "." in match[0] and not _OPEN.search(match.string[: match.start()]):
        return f"{match[1]}.{match[2]} to {match[3]}.{match[4]}"
    return f"{match[1]}:{match[2]} {_BETWEEN_TIMES[language]} {match[3]}:{match[4]}"


@lru_cache
def _numbers(language: str) -> re.Pattern[str]:
    point = "," if language in COMMA_LANGUAGES else r"\."
    # Russian's own rules have the cases of years
    number = rf"(\d{{1,{3 if language == 'ru' else 4}}}(?:{point}\d{{1,2}})?)"
    return re.compile(
        rf"(?<![\w.,:/+-])(?<!\d ){number}\s?[-–—]\s?{number}(?=\s?[%°€]|\s[^\W\d_]|[.,;:!?)]*(?:\s*$|\s[^\W\d_]))"
    )


def _spoken(match: re.Match[str], language: str) -> str:
    first, last = (float(number.replace(",", ".")) for number in match.groups())
    # a score, a house or the parts of a code need not rise
    if first >= last or match[1].startswith("0"):
        return match[0]
    one, other = (number_words(number, language) for number in match.groups())
    # Russian's own rules choose the gender and the case of the number beside its noun
    other = match[2] if language == "ru" or match.string[match.end() :].lstrip()[:1] in "%°€" else other
    return " ".join(part for part in (one, _BETWEEN[language], other) if part)
