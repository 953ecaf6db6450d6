"""Sums of voices: parses ``me + 0.5 * (af_nicole - af_sarah)`` into the weight of every voice.

    sum     = product (("+" | "-") product)*
    product = factor (("*" | "/") factor)*
    factor  = ("+" | "-") factor | number | voice | voice "(" number ")" | "(" sum ")"

A voice is a name or a voice pack file. A name may hold hyphens, so a minus after a name needs a space before it. A
number in parentheses after a voice is its weight, as Kokoro-FastAPI writes it: ``af_bella(2)+af_sky(1)``.
"""

import logging
import math
import re
from dataclasses import dataclass
from functools import cache

from nuanced_speech.core.errors import UserError

log = logging.getLogger(__name__)
Weights = dict[str, float]
_TOKENS = re.compile(
    r"\s*(?:(?P<name>[^\s()*+]+\.(?:pt|npz|safetensors)\b|[^\W\d][\w-]*)|(?P<number>\d+\.?\d*|\.\d+)|(?P<mark>\S))"
)
_LIMIT = 100
_TOLERANCE = 1e-6


def is_arithmetic(text: str) -> bool:
    """Whether a text is a sum of voices, and not a name, a file or a list."""
    return bool(re.search(r"[+*()]|(^|\s)-", text))


def voice_weights(text: str) -> Weights:
    """The weight of every voice in an expression; the weights sum to 1, so that the result is a voice again.

    Weights of another sum, as ``af_bella(2)+af_sky(1)`` has them, are divided by it, and a message says so.

    Raises:
        UserError: a text that is no sum, with the place of the mistake; weights whose sum is not positive.
    """
    weights = _Parser(text).parse()
    total = sum(weights.values())
    # written as "not >" because infinite weights sum to NaN
    if not _TOLERANCE < total < math.inf:
        raise UserError(
            f"the weights in {text!r} sum to {total:.4g}, and those of a voice must sum to 1: "
            "write 0.5*a + 0.5*b, or a + (b - c)"
        )
    if abs(total - 1) <= _TOLERANCE:
        return weights
    weights = {name: weight / total for name, weight in weights.items()}
    _say_taken(text, " + ".join(f"{weight:.3g}*{name}" for name, weight in weights.items()).replace("+ -", "- "))
    return weights


@cache
def _say_taken(text: str, taken: str) -> None:
    """Say what a text was taken for; once, since an expression is read several times."""
    log.info("%s is taken as %s: the weights of a voice sum to 1", text, taken)


@dataclass(frozen=True)
class _Value:
    """A number, or a sum of voices."""

    number: float = 0.0
    voices: Weights | None = None

    def scaled(self, by: float) -> "_Value":
        if self.voices is None:
            return _Value(self.number * by)
        return _Value(voices={name: weight * by for name, weight in self.voices.items()})


class _Parser:
    """Recursive descent parser: each method reads the part of the grammar that it is named after."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_TOKENS.finditer(text.rstrip()))
        self.position = 0

    def parse(self) -> Weights:
        if len(self.tokens) > _LIMIT:
            raise UserError(f"more than {_LIMIT} parts in one expression of voices: write less at once")
        value = self.sum()
        if self.position < len(self.tokens):
            self.fail("an operator")
        if value.voices is None:
            raise UserError(f"{self.text!r} is a number, not a voice: name at least one voice")
        return value.voices

    def sum(self) -> _Value:
        left = self.product()
        while (mark := self.next_is("+", "-")) is not None:
            right = self.product().scaled(1 if mark == "+" else -1)
            if (left.voices is None) != (right.voices is None):
                self.fail_at(self.position - 1, "a voice and a number cannot be added: write 0.5*a + 0.5*b")
            if left.voices is None or right.voices is None:
                left = _Value(left.number + right.number)
            else:
                names = {**left.voices, **right.voices}
                left = _Value(voices={n: left.voices.get(n, 0.0) + right.voices.get(n, 0.0) for n in names})
        return left

    def product(self) -> _Value:
        left = self.factor()
        while (mark := self.next_is("*", "/")) is not None:
            at, right = self.position, self.factor()
            if mark == "/" and (right.voices is not None or right.number == 0):
                self.fail_at(at, "a voice can only be divided by a number other than 0")
            if left.voices is not None and right.voices is not None:
                self.fail_at(at, "two voices cannot be multiplied: give one of them a number")
            if right.voices is not None:
                left, right = right, left
            left = left.scaled(1 / right.number if mark == "/" else right.number)
        return left

    def factor(self) -> _Value:
        if (sign := self.next_is("+", "-")) is not None:
            return self.factor().scaled(1 if sign == "+" else -1)
        if self.next_is("("):
            inside = self.sum()
            if not self.next_is(")"):
                self.fail("a closing parenthesis")
            return inside
        token = self.tokens[self.position] if self.position < len(self.tokens) else None
        if token is None or token["mark"]:
            self.fail("a voice or a number")
        assert token is not None
        self.position += 1
        if token["name"]:
            return _Value(voices={token["name"]: self.weight()})
        number = float(token["number"])
        if not math.isfinite(number):
            self.fail_at(self.position - 1, "this number is too large")
        return _Value(number)

    def weight(self) -> float:
        """The number in parentheses after a voice; 1 if there is none."""
        if not self.next_is("("):
            return 1.0
        number = self.tokens[self.position]["number"] if self.position < len(self.tokens) else None
        if not number or not math.isfinite(float(number)):
            self.fail("a weight")
        assert number is not None
        self.position += 1
        if not self.next_is(")"):
            self.fail("a closing parenthesis")
        return float(number)

    def next_is(self, *marks: str) -> str | None:
        """Read one of these marks, if it is next."""
        if self.position < len(self.tokens) and self.tokens[self.position]["mark"] in marks:
            self.position += 1
            return self.tokens[self.position - 1]["mark"]
        return None

    def fail(self, expected: str) -> None:
        self.fail_at(self.position, f"{expected} is wanted")

    def fail_at(self, position: int, what: str) -> None:
        if position >= len(self.tokens):
            raise UserError(f"{self.text!r}, at the end: {what}")
        token = self.tokens[position]
        start = token.start(token.lastgroup or 0)
        raise UserError(f"{self.text!r}, character {start + 1} ({token[0].strip()}): {what}")
