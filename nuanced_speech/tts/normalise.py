"""Normalisation of text: numbers, amounts of money, times, common abbreviations and symbols written out.

Numbers are worded by num2words, in every language that it knows; abbreviations and symbols in English only. It is for
the third column of a data set, for systems that learn from letters. The grapheme-to-phoneme engines read numbers
themselves.
"""

import re
import unicodedata
from functools import partial

from nuanced_speech.text.numbers import COMMA_LANGUAGES, MAX_DIGITS, number_words, words

_ABBREVIATIONS = {
    "Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miss", "Dr.": "Doctor", "Prof.": "Professor", "St.": "Saint",
    "Jr.": "Junior", "Sr.": "Senior", "Capt.": "Captain", "Col.": "Colonel", "Gen.": "General", "Lt.": "Lieutenant",
    "Sgt.": "Sergeant", "Rev.": "Reverend", "Hon.": "Honourable", "Gov.": "Governor", "Co.": "Company",
    "Ltd.": "Limited", "Mt.": "Mount", "No.": "Number", "vs.": "versus", "etc.": "et cetera", "e.g.": "for example",
    "i.e.": "that is",
}  # fmt: skip
# These are words too, and abbreviations only before what they belong to.
_BEFORE_NAME, _BEFORE_NUMBER = {"St.", "Mt.", "Gen.", "Col.", "Hon."}, {"No."}
_SYMBOLS = {"&": "and", "%": "percent", "@": "at", "+": "plus", "=": "equals"}
_CURRENCIES = {"$": "USD", "£": "GBP", "€": "EUR"}
_YEARS = range(1100, 2100)
_TYPOGRAPHY = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " "})


def normalise(text: str, language: str = "en") -> str:
    """A text without digits and, in English, without abbreviations and symbols, on one line.

    Numbers stay as they are in a language whose numbers num2words does not know.
    """
    text = unicodedata.normalize("NFC", text).translate(_TYPOGRAPHY)
    if language == "en":
        text = _english(text)
    comma = language in COMMA_LANGUAGES
    grouped = r"\d{1,3}(?:[. ]\d{3})+(?!\d)(?:,\d+)?|\d+(?:,\d+)?"
    number = grouped if comma else r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?"
    text = re.sub(number, lambda match: number_words(match[0], language), text)
    return " ".join(text.split())


def _english(text: str) -> str:
    for short, long in _ABBREVIATIONS.items():
        # the full stop may be the sentence's own as well
        after = r"(?=\s+\d)" if short in _BEFORE_NUMBER else r"(?=\s+[A-Z])" if short in _BEFORE_NAME else ""
        stop = "." if short == "etc." else ""
        text = re.sub(
            rf"(?<![\w.]){re.escape(short)}(?!\w){after}(?=(\s*$)?)",
            partial(_long, long, stop),
            text,
        )
    text = re.sub(
        r"([$£€])\s?(\d+(?:,\d{3})*(?:\.\d{1,2})?)(?![\d,.]*\d)(?:\s+(hundred|thousand|million|billion|trillion)\b)?",
        _money,
        text,
    )
    text = re.sub(r"\b([01]?\d|2[0-3]):([0-5]\d)\b", _time, text)
    text = re.sub(
        r"\b(\d{1,3}(?:,\d{3})+|\d{1,15})(?:st|nd|rd|th)\b",
        lambda m: words(int(m[1].replace(",", "")), "en", to="ordinal"),
        text,
    )
    text = re.sub(r"\b(\d{3,4})s\b", lambda m: _plural(words(int(m[1]), "en", to="year")), text)
    text = re.sub(r"(?<![\d.,$£€])\b(\d{4})\b(?![,.]?\d)", _year, text)
    return re.sub(r"[&%@+=]", lambda m: f" {_SYMBOLS[m[0]]} ", text) if re.search(r"[&%@+=]", text) else text


def _long(word: str, stop: str, match: re.Match[str]) -> str:
    return word + (stop if match[1] is not None else "")


def _money(match: re.Match[str]) -> str:
    amount, scale = match[2].replace(",", ""), match[3]
    unit = {"$": "dollars", "£": "pounds", "€": "euros"}[match[1]]
    if scale:
        return f"{words(float(amount) if '.' in amount else int(amount), 'en')} {scale} {unit}"
    from num2words import num2words

    if len(amount) > MAX_DIGITS:
        return f"{amount} {unit}"
    whole, _, cents = amount.partition(".")
    if not int(cents or 0):
        return f"{words(int(whole), 'en')} {unit[:-1] if int(whole) == 1 else unit}"
    worded = num2words(float(amount), to="currency", currency=_CURRENCIES[match[1]], separator=" and")
    return worded.replace(" sterling", "").replace("zero dollars and ", "").replace("zero pounds and ", "")


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if minute == 0:
        following = match.string[match.end() :].lstrip().lower()
        return words(hour, "en") + ("" if following.startswith(("am", "pm", "a.m", "p.m", "o'clock")) else " o'clock")
    return f"{words(hour, 'en')} {'oh ' if minute < 10 else ''}{words(minute, 'en')}"


def _year(match: re.Match[str]) -> str:
    number = int(match[1])
    return words(number, "en", to="year") if number in _YEARS else match[1]


def _plural(word: str) -> str:
    return word[:-1] + "ies" if word.endswith("y") else word + ("es" if word.endswith("x") else "s")
