"""Files of text and of JSON: whatever is wrong with one becomes a ``UserError``."""

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from nuanced_speech.core.errors import ContentError, UserError, reading

# Bytes of a text that is read at once: far above any table or book here.
LONGEST_TEXT = 100_000_000


def read_text(path: Path, what: str, remedy: str, most: int = LONGEST_TEXT) -> str:
    """A text file in UTF-8, without the mark that editors put before it.

    Raises:
        UserError: no such file, not UTF-8, or longer than ``most`` bytes.
    """
    with reading(path, what, remedy):
        if path.stat().st_size > most:
            raise UserError(f"{path}: too long for {what} (more than {most // 1_000_000} MB); {remedy}")
        return path.read_text(encoding="utf-8-sig")


def read_object(path: Path, what: str, remedy: str) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        UserError: no such file, not JSON, or anything but an object.
    """
    with reading(path, what, remedy):
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise TypeError("not an object")
        return values


def check_numbers(values: Any, largest: float = 1e6) -> None:
    """Refuse a configuration with numbers that no model here has.

    Raises:
        ContentError: a number, at any depth, that is not finite or beyond ``largest``.
    """
    if isinstance(values, dict):
        values = values.values()
    if isinstance(values, (int, float)):
        if not math.isfinite(values) or abs(values) > largest:
            raise ContentError(f"the number {str(values)[:20]} is out of range")
    elif isinstance(values, Collection) and not isinstance(values, str):
        for value in values:
            check_numbers(value, largest)
