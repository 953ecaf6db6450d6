"""What the tables of short forms of several languages share."""

import re
from collections.abc import Callable, Iterable

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
# An address on the web or of mail.
URL = re.compile(r"\S*(?:://|www\.|@)\S*")


def any_of(forms: Iterable[str]) -> str:
    """A pattern of short forms, the longest first; a space in one may be missing. Of none, one that nothing matches."""
    ordered = sorted(forms, key=len, reverse=True)
    return "|".join(re.escape(form).replace(r"\ ", r"\s?") for form in ordered) or "(?!)"


def at_end(match: re.Match[str]) -> bool:
    """Whether nothing but closing marks follows a match."""
    return not match.string[match.end() :].strip(" \"')”’»")


def applied(rules: Iterable[Rule], text: str) -> str:
    """A text changed by rules, one after the other."""
    for pattern, reading in rules:
        text = pattern.sub(reading, text)
    return text


def outside_addresses(text: str, change: Callable[[str], str]) -> str:
    """A text changed but for its addresses, which are the grammar's as a whole."""
    parts = re.split(f"({URL.pattern})", text)
    return "".join(part if number % 2 else change(part) for number, part in enumerate(parts))


def camel_split(text: str) -> str:
    """A name in camel case as its words."""
    return re.sub(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ][a-zß-ÿ])", " ", text)
