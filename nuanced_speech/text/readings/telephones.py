"""Telephone numbers that the grammars take for large numbers, digit by digit.

A number is one where its groups cannot be thousands, or where thousands would have a noun after them. Japanese and
Mandarin have theirs in ``amounts``, French says pairs of digits, as it writes them, and the grammars of English,
Spanish and Portuguese read the forms that are not here.
"""

import re
from functools import partial

from nuanced_speech.text.numbers import words
from nuanced_speech.text.readings.rules import Rule, applied

_PLUS = {"it": "più", "hi": "प्लस"}
_HINDI = dict(enumerate(re.findall(r"\S+", "शून्य एक दो तीन चार पाँच छह सात आठ नौ")))
# Not inside another number; nothing but the end of a clause after it.
_BEFORE, _AFTER, _ALONE = r"(?<![\w.,:/+-])(?<!\d )", r"(?![\w/%€$£-]|[.,:]\d| \d)", r"(?=\s*(?:[.,;:!?)»”\"]|$))"
_ABROAD = rf"(?<![\w+])\+\d{{1,3}}(?:[ .-]?\(?\d{{1,5}}\)?){{1,6}}{_AFTER}"
_DIGITS_ABROAD = range(8, 16)
_NATIONAL = {
    "de": rf"{_BEFORE}(?:\(0\d{{2,5}}\) ?|0\d{{2,4}} ?[/-] ?|01[5-7]\d )"
    rf"(?:\d{{5,8}}|\d{{2,4}}(?: \d{{2,5}}){{1,3}}){_AFTER}",
    "en": rf"{_BEFORE}0\d{{2,4}} \d{{3,4}} \d{{3,4}}{_AFTER}",
    "es": rf"{_BEFORE}(?:[6-9]\d \d{{3}} \d\d \d\d|[6-9]\d\d \d\d \d\d \d\d|[6-9]\d\d \d{{3}} \d{{3}}{_ALONE}){_AFTER}",
    "it": rf"{_BEFORE}(?:0\d{{1,3}}[ /-]\d{{5,8}}|0\d{{1,3}}[ /-]\d{{3,4}} \d{{3,4}}"
    rf"|3\d\d[ /-]\d{{6,7}}|3\d\d[ /-]\d{{3}} \d{{4}}|3\d\d \d\d \d\d \d{{3}}|80[03] \d{{3}} \d{{3}}{_ALONE}){_AFTER}",
    "pt": rf"{_BEFORE}[29]\d\d \d{{3}} \d{{3}}{_ALONE}{_AFTER}",
    "hi": rf"{_BEFORE}[6-9]\d{{4}}[ -]\d{{5}}{_AFTER}",
}


def in_words(sentence: str, language: str) -> str:
    """A sentence with its telephone numbers in words, a comma between their groups."""
    return applied(_RULES.get(language, ()), sentence)


def _spoken(language: str, match: re.Match[str]) -> str:
    abroad, groups = match[0].startswith("+"), re.findall(r"\d+", match[0])
    if abroad and sum(map(len, groups)) not in _DIGITS_ABROAD:
        return match[0]
    digits = ", ".join(" ".join(_digit(int(digit), language) for digit in group) for group in groups)
    return f"{_PLUS[language]} {digits}" if abroad else digits


def _digit(digit: int, language: str) -> str:
    return _HINDI[digit] if language == "hi" else words(digit, language)


_RULES: dict[str, list[Rule]] = {
    language: [(re.compile(pattern), partial(_spoken, language)) for pattern in patterns]
    for language, national in _NATIONAL.items()
    for patterns in ([_ABROAD, national] if language in _PLUS else [national],)
}
