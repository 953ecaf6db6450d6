"""Dates in digits of the languages that have no grammar, with the name of the month."""

import re

from nuanced_speech.text.months import MONTHS
from nuanced_speech.text.numbers import words
from nuanced_speech.text.readings import tables

# How a date is said; the day has a full stop where it is an ordinal, which espeak-ng reads as one.
_ORDINAL, _CARDINAL = "{day}. {month} {year}", "{day} {month} {year}"
_FORMS = dict.fromkeys(("cs", "da", "fi", "hr", "no", "nn", "sk", "sl", "sr"), _ORDINAL) | {
    "hu": "{year}. {month} {day}.", "ko": "{year}년 {month}월 {day}일", "vi": "ngày {day} tháng {month} năm {year}",
    "ca": "{day} de {month} de {year}", "pl": _CARDINAL + " roku", "uk": _CARDINAL + " року",
}  # fmt: skip
LANGUAGES = frozenset(_FORMS).union(tables.words("bg el id nl ro sv tr"))
_EDGE, _END = r"(?<![\w.,:/+-])", r"(?![\w/-]|[.,:]\d)"
_DAY, _MONTH = r"(?P<day>0?[1-9]|[12]\d|3[01])", r"(?P<month>0?[1-9]|1[0-2])"
_DATE = re.compile(
    rf"(?:\bngày )?{_EDGE}(?:{_DAY}(?P<mark>[./-])\s?{_MONTH}(?P=mark)\s?(?P<year>[12]\d{{3}}){_END}"
    r"(?:\s?(?:r\.|roku|р\.|року)(?!\w))?|"
    rf"{_EDGE}(?P<iso>[12]\d{{3}})(?P<between>[-./])\s?(?P<m>0?[1-9]|1[0-2])(?P=between)\s?"
    rf"(?P<d>0?[1-9]|[12]\d|3[01])(?:\.(?!\w))?{_END})"
)
# A day before the name of its month, which is an ordinal though it has no full stop.
_SWEDISH_DAY = re.compile(rf"{_EDGE}(?:[1-9]|[12]\d|3[01])(?= (?:{'|'.join(MONTHS['sv'])})\b)")


def in_words(sentence: str, language: str) -> str:
    """A sentence with the months of its dates as names; days and years stay digits."""
    if language not in LANGUAGES:
        return sentence
    if language == "sv":
        sentence = _SWEDISH_DAY.sub(lambda match: words(int(match[0]), "sv", to="ordinal"), sentence)
    return _DATE.sub(lambda match: _spoken(match, language), sentence)


def _spoken(match: re.Match[str], language: str) -> str:
    day, month, year = (match[a] or match[b] for a, b in (("day", "d"), ("month", "m"), ("year", "iso")))
    name = MONTHS[language][int(month) - 1] if language in MONTHS else str(int(month))
    spoken_day = words(int(day), "sv", to="ordinal") if language == "sv" else str(int(day))
    date = _FORMS.get(language, _CARDINAL).format(day=spoken_day, month=name, year=year)
    # of an abbreviation or of the date itself, and of the sentence
    ends = match[0].endswith(".") and not match.string[match.end() :].strip() and not date.endswith(".")
    return date + "." * ends
