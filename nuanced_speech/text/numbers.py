"""Numbers in words, by num2words, in the languages that it knows, from their local notation."""

import re
from collections.abc import Sequence
from typing import Any

# Languages that write a comma before the decimals.
COMMA_LANGUAGES = frozenset((
    "az", "be", "ca", "cs", "da", "de", "es", "fi", "fr", "hu", "id", "is", "it", "lt", "lv", "nl", "no", "nn",
    "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "tr", "uk", "vi",
))  # fmt: skip
# Beyond this many digits a number is read digit by digit, as a telephone number is.
MAX_DIGITS = 15
# What the mark before the decimals says where num2words reads decimals wrongly: "2,5" would be 2.50 in Turkish.
_DECIMAL_MARKS = {"ar": "فاصلة", "bn": "দশমিক", "fa": "ممیز", "tr": "virgül", "vi": "phẩy"}
# What num2words writes wrongly: forty in Swedish, tens after an empty hundred in Vietnamese.
_MENDED = {
    "sv": ((r"förtio", "fyrtio"), (r"\betttusen", "ettusen")),
    "vi": ((r"lẻ (?=\w+ mươi|mười)", "không trăm "),),
}
_CODES = {"nn": "no", "pt": "pt_BR"}


def number_words(number: str, language: str) -> str:
    """A number without a sign in words; digit by digit where it begins with 0 or is very long.

    Args:
        number: digits in the local notation, with marks between groups of three and before the decimals.
        language: ISO 639-1 code. The number stays as it is where num2words does not know it.
    """
    comma = language in COMMA_LANGUAGES
    plain = re.sub(r"[. ']", "", number).replace(",", ".") if comma else re.sub(r"[, ']", "", number)
    if "." not in plain and (len(plain) > MAX_DIGITS or (len(plain) > 1 and plain[0] == "0")):
        return " ".join(words(int(digit), language) for digit in plain)
    # num2words misreads what Python writes with an exponent
    if len(plain) > 2 * MAX_DIGITS or ("." in plain and "e" in repr(float(plain))):
        return number
    whole, _, decimals = plain.partition(".")
    if not decimals:
        return words(int(whole), language)
    if language in _DECIMAL_MARKS:
        digits = " ".join(words(int(digit), language) for digit in decimals)
        return f"{words(int(whole), language)} {_DECIMAL_MARKS[language]} {digits}"
    said = words(float(plain), language)
    if said == str(float(plain)):
        return number
    # num2words drops zeros at the end, which are spoken
    return said + "".join(
        f" {words(0, language)}" for _ in range(len(decimals) - len(decimals.rstrip("0"))) if decimals.rstrip("0")
    )


def words(number: float, language: str, **form: Any) -> str:
    """A number as num2words says it, or its digits where it does not know the language or the form.

    Args:
        number: a number.
        language: ISO 639-1 code.
        form: options of num2words, such as ``to="ordinal"``.
    """
    from num2words import num2words

    try:
        text = str(num2words(number, lang=_CODES.get(language, language), **form))
    except (NotImplementedError, ArithmeticError, LookupError, TypeError, ValueError):
        return str(number)
    for wrong, right in _MENDED.get(language, ()):
        text = re.sub(wrong, right, text)
    return text.replace(",", "").replace(" - ", " ")


def plural(count: str, one: str, few: str, many: str, part: str) -> str:
    """The form of a noun after a number, by the rule of Russian, Ukrainian and Belarusian.

    Args:
        count: the number, in the local notation.
        one: after 1, 21, 101.
        few: after 2 to 4, 22.
        many: after other whole numbers.
        part: after decimals.
    """
    if "," in count:
        return part
    last = last_two_digits(count)
    if last in (11, 12, 13, 14):
        return many
    return one if last % 10 == 1 else few if last % 10 in (2, 3, 4) else many


def last_two_digits(number: str) -> int:
    """The last two digits of a whole number of any length, in the local notation."""
    return int(re.sub(r"\D", "", number)[-2:] or 0)


def month_name(day: int, month: str, names: Sequence[str]) -> str | None:
    """The name of a date's month, which is written in digits or is a name already; None where there is no such date."""
    if not month.isdigit():
        return month
    return names[int(month) - 1] if 1 <= int(month) <= 12 and 1 <= day <= 31 else None
