"""Abbreviations, amounts of money and times of the languages that have no grammar, as words and plain numbers."""

import re
from collections.abc import Callable
from functools import lru_cache

from nuanced_speech.text.readings.plain_tables import SHORT_FORMS, UNITS
from nuanced_speech.text.readings.rules import Rule, any_of, applied, at_end, outside_addresses

_NUMBER = r"\d+(?:[.,' ]\d{3})*(?:[.,]\d+)?"


def in_words(sentence: str, language: str) -> str:
    """A sentence with its short forms in words; numbers stay digits. Languages without a table stay as they are."""
    if language not in SHORT_FORMS:
        return sentence
    return outside_addresses(sentence, lambda text: applied(_rules(language), text))


def _kept_stop(words: dict[str, str]) -> Callable[[re.Match[str]], str]:
    """The words of a form, with its full stop where that ends the sentence too."""

    def spoken(match: re.Match[str]) -> str:
        return words[match[1]] + ("." if match[0].endswith(".") and at_end(match) else "")

    return spoken


def _capitalised(forms: dict[str, str]) -> dict[str, str]:
    """Forms, and those that begin a sentence."""
    return {form[0].upper() + form[1:]: words[0].upper() + words[1:] for form, words in forms.items()} | forms


@lru_cache
def _rules(language: str) -> list[Rule]:
    forms = SHORT_FORMS[language]
    anywhere, before = _capitalised(forms.anywhere), _capitalised(forms.before_number)
    after, money = forms.after_number, forms.money
    signs, units = any_of(money), UNITS.get(language, {})
    large = {short: word for short, word in after.items() if word.startswith(("mi", "мі"))}
    scales = any_of([*large, *(word[:4] for word in large.values())])
    # a name of letters needs a border, a sign does not
    edge = r"(?![^\W\d_])"
    return [
        (re.compile(rf"(?<![\w.])({any_of(anywhere)})(?!\w)"), _kept_stop(anywhere)),
        (re.compile(rf"(?<![\w.])({any_of(before)})[.:]?\s*(?=\d)"), lambda m: before[m[1]] + " "),
        (re.compile(rf"(?<![^\W\d_])({signs})\s?({_NUMBER}(?:\s?(?:{scales})\w*)?)(?![\w]|[.,]\d)"),
         lambda m: f"{m[2]} {money[m[1]]}"),
        (re.compile(rf"({_NUMBER})\s?({signs}){edge}(\.(?=[,;:)]|\s+[^\W\d_A-ZÀ-ÞА-Я]))?"),
         lambda m: f"{m[1]} {money[m[2]]}"),
        (re.compile(rf"(?<=\d)\s?({any_of(units)})(?![\w/'’²³-]|\.\w)"), lambda m: " " + units[m[1]]),
        (re.compile(rf"(?<=\d)\s?({any_of(after)})\b\.?"),
         lambda m: f" {_kept_stop(after)(m)}"),
        (re.compile(rf"\b({any_of(forms.clock)})\s+([01]?\d|2[0-3])\.([0-5]\d)(?![\w:/]|[.,]\d)", re.I), r"\1 \2:\3"),
    ]  # fmt: skip
