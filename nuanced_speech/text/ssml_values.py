"""What SSML's ``say-as`` says of dates, times, fractions, units, numbers, telephone numbers and characters.

The result is written text that the front end of the language reads rightly, or words where it would not.
"""

import re
from itertools import groupby

from nuanced_speech.text.languages import UNSPACED_LANGUAGES
from nuanced_speech.text.months import MONTHS
from nuanced_speech.text.numbers import COMMA_LANGUAGES, number_words, words
from nuanced_speech.text.readings import roman

# Day, month and year as the languages write them; the year comes with the words before it.
_DATES = {
    "de": ("{day}. {month}", " {year}"), "en": ("{month} {day}", ", {year}"), "es": ("{day} de {month}", " de {year}"),
    "fr": ("{day} {month}", " {year}"), "it": ("{day} {month}", " {year}"), "pt": ("{day} de {month}", " de {year}"),
    "ru": ("{day} {month}", " {year} г."),
}  # fmt: skip
_FIRST = {"fr": "1er", "it": "1º", "pt": "1º"}
# An ordinal in digits, as the languages write it.
_ORDINALS = {"de": "{}.", "es": "{}.º", "it": "{}º", "pt": "{}º"}
# Years of two digits below belong to this century.
_CENTURY_ENDS = 50
_MARKS = {
    ".": "dot", "-": "dash", "_": "underscore", "/": "slash", "@": "at", "#": "hash", ",": "comma", ":": "colon",
    "+": "plus", "*": "star", "&": "and", "\\": "backslash", "?": "question mark", "!": "exclamation mark",
}  # fmt: skip


def said_as(text: str, kind: str, form: str, language: str) -> str:
    """What is said for the text of a ``say-as``.

    Args:
        text: the text.
        kind: ``interpret-as``; kinds that are not known leave the text as it is.
        form: ``format``: the order of a date's parts (``mdy``, ``dmy``, ``ymd``, ``md``, ``yyyymmdd``); others need
            none.
        language: ISO 639-1.
    """
    if kind in ("characters", "spell-out", "verbatim", "letters"):
        return ", ".join(_character(character, language) for character in text if not character.isspace())
    if kind == "digits":
        return " ".join(character for character in text if character.isalnum() or character == "+")
    if kind == "telephone":
        return _telephone(text)
    if kind == "date":
        return _date(text, form.lower(), language)
    if kind in ("time", "duration"):
        return _time(text, language)
    if kind == "fraction":
        return _fraction(text, language)
    if kind == "unit":
        return re.sub(r"(?<=\d)(?=[^\W\d_]|°)", " ", text)
    if kind == "ordinal":
        return _ordinal(text, language)
    if kind in ("cardinal", "number"):
        return _cardinal(text, language)
    return "beep" if kind == "expletive" else text


def _character(character: str, language: str) -> str:
    return _MARKS.get(character, character.upper()) if language == "en" else character.upper()


def _telephone(text: str) -> str:
    groups = re.findall(r"[^\W_]+", text)
    return ("+ " if text.startswith("+") else "") + ", ".join(" ".join(group) for group in groups)


def _date(text: str, form: str, language: str) -> str:
    """A date with the name of its month; the text itself where it is none of that form."""
    order = [letter for letter, _ in groupby(re.sub("[^dmy]", "", form))]
    parts = re.findall(r"\d+", text)
    if re.fullmatch(r"\d{8}", text.strip()) and form in ("", "ymd", "yyyymmdd"):
        order, parts = ["y", "m", "d"], [text.strip()[:4], text.strip()[4:6], text.strip()[6:]]
    if len(parts) != len(order) or len(set(order)) != len(order) or language not in MONTHS:
        return text
    numbers = {letter: int(part) for letter, part in zip(order, parts, strict=True)}
    day, month, year = numbers.get("d"), numbers.get("m"), numbers.get("y")
    if not 1 <= (month or 1) <= 12 or not 1 <= (day or 1) <= 31 or (day and not month):
        return text
    if year is not None and len(parts[order.index("y")]) == 2:
        year += 2000 if year < _CENTURY_ENDS else 1900
    return _written_date(day, month, year, language) or text


def _written_date(day: int | None, month: int | None, year: int | None, language: str) -> str:
    name = MONTHS[language][month - 1] if month else ""
    both, with_year = _DATES[language]
    if day:
        numeral = _FIRST.get(language, "1") if day == 1 else str(day)
        return both.format(day=numeral, month=name) + (with_year.format(year=year) if year else "")
    if not year:
        return name
    return name + (f" {year}" if language == "en" else with_year.format(year=year)) if name else str(year)


def _time(text: str, language: str) -> str:
    """Minutes and seconds written with their signs; a time of the day without seconds that are none."""
    minutes = re.fullmatch(r"\s*(?:(\d+)h\s?)?(\d+)\s?['′]\s?(?:(\d+)\s?(?:\"|″|''))?\s*", text)
    if minutes and language == "en":
        named = zip(minutes.groups(), ("hour", "minute", "second"), strict=True)
        return " ".join(f"{count} {name}{'' if int(count) == 1 else 's'}" for count, name in named if count)
    return re.sub(r"(?<=\d:\d\d):00(?!\d)", "", text)


def _fraction(text: str, language: str) -> str:
    """A fraction in English words, "1+1/2" and "1 1/2" too; other languages' grammars read fractions."""
    match = re.fullmatch(r"\s*(-?)(?:(\d{1,9})\s*\+?\s*)??(\d{1,9})\s*[/⁄]\s*(\d{1,9})\s*", text)
    if match is None or language != "en" or not int(match[4]):
        return text
    over, under = int(match[3]), int(match[4])
    part = {1: "over one", 2: "half" if over == 1 else "halves", 4: "quarter"}.get(under) or words(
        under, "en", to="ordinal"
    )
    part += "s" if over != 1 and under not in (1, 2) else ""
    count = "a" if match[2] and over == 1 else words(over, "en")
    whole = f"{words(int(match[2]), 'en')} and " if match[2] else ""
    return ("minus " if match[1] else "") + f"{whole}{count} {part}"


def _number(text: str, language: str) -> int | None:
    """A whole number in the notation of the language, or in Roman numerals; None for another text."""
    mark = "." if language in COMMA_LANGUAGES else ","
    plain = re.sub(rf"[\s'{mark}](?=\d{{3}}\b)", "", text.strip())
    if plain and re.fullmatch("[IVXLCDM]+", plain):
        return roman.value(plain)
    return int(plain) if re.fullmatch(r"\d{1,15}", plain) else None


def _ordinal(text: str, language: str) -> str:
    number = _number(text, language)
    if number is None:
        return text
    if language == "en":
        ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        return f"{number}{ending}"
    if language == "fr":
        return "1er" if number == 1 else f"{number}e"
    if language in _ORDINALS:
        return _ORDINALS[language].format(number)
    return words(number, language, to="ordinal") if language not in UNSPACED_LANGUAGES else text


def _cardinal(text: str, language: str) -> str:
    """A number of four digits, which could be a year, in words; the front end reads the others."""
    number = _number(text, language)
    if number is None or language in UNSPACED_LANGUAGES:
        return text
    return number_words(str(number), language) if 1000 <= number <= 9999 or not text.strip()[0].isdigit() else text
