"""The notation inside a text that all kinds of markup are turned into.

``[word](/ipa/)`` gives a pronunciation, ``[pause:1.5s]`` a silence, ``[voice:am_michael]`` another voice from there on
(``[voice]`` the first one again) and ``[speed:1.2]`` or ``[rate:1.2]`` a factor of the speed (``[speed]``: as before).
Other brackets, ``[laughs]`` for one, are text.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from nuanced_speech.core.errors import UserError

PRONUNCIATION = re.compile(r"\[([^\[\]]+)\]\(/([^()]*)/\)")
PAUSE_LIMIT, SPEED_LIMITS = 30.0, (0.25, 4.0)
_DIRECTIVE = re.compile(
    r"\[(?:(pause):\s*([^\[\]\s]+)|(voice|speed|rate)(?::[^\S\n]*([^\[\]\s](?:[^\[\]]{0,200}[^\[\]\s])?))?\s{0,9})\](?!\()"
)
_NOTATION = re.compile(f"{PRONUNCIATION.pattern}|{_DIRECTIVE.pattern}")
_ADJACENT = re.compile(r"(?:\[[^\[\]]+\]\(/[^()]*/\)){2,}")
_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s)?")
# Characters for private use that stand for notation while other stages work.
_FIRST, _LAST = 0xE100, 0xF8FF


@dataclass(frozen=True)
class TextSegment:
    """A text in one voice at one speed.

    Attributes:
        text: words with pronunciations, without other notation.
        pause: seconds of silence after it; None: as its last mark says.
        voice: name of the voice; None: that of the whole text.
        speed: factor of the speed of the whole text.
    """

    text: str
    pause: float | None = None
    voice: str | None = None
    speed: float = 1.0


def segments(text: str) -> list[TextSegment]:
    """The segments of a text, in order; none is without a letter or digit, unless the whole text is.

    Raises:
        UserError: a pause or a speed that is no number, or out of range.
    """
    result: list[TextSegment] = []
    state, start = TextSegment(""), 0
    for match in _DIRECTIVE.finditer(text):
        result = _with(result, replace(state, text=text[start : match.start()]))
        start = match.end()
        if match[1] == "pause":
            seconds = duration(match[2])
            if result:
                result[-1] = replace(result[-1], pause=min((result[-1].pause or 0) + seconds, PAUSE_LIMIT))
            else:
                result = [TextSegment("", pause=seconds)]
        elif match[3] == "voice":
            state = replace(state, voice=match[4])
        else:
            state = replace(state, speed=_speed(match[4]) if match[4] else 1.0)
    return _with(result, replace(state, text=text[start:])) or [state]


def voices_named(pieces: Iterable[TextSegment]) -> list[str]:
    """The voices that a text names, each once."""
    return list(dict.fromkeys(piece.voice for piece in pieces if piece.voice is not None))


def _with(result: list[TextSegment], segment: TextSegment) -> list[TextSegment]:
    return [*result, segment] if any(c.isalnum() for c in segment.text) else result


def duration(text: str) -> float:
    """Seconds of a length of time as SSML writes it: ``1.5s``, ``300ms``, ``2``.

    Raises:
        UserError: no length of time, or one of more than half a minute.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UserError(f"text: {text[:20]!r} is no length of a pause: write it as 1.5s or 300ms")
    seconds = float(match[1]) / (1000 if match[2] == "ms" else 1)
    if seconds > PAUSE_LIMIT:
        raise UserError(f"text: a pause of {seconds:g} s is too long: give at most {PAUSE_LIMIT:g} s")
    return seconds


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        raise UserError(f"text: {text[:20]!r} is no speed: write a factor, such as [speed:1.2]") from None
    return checked_speed(speed)


def checked_speed(speed: float) -> float:
    """A factor of the speed.

    Raises:
        UserError: out of range.
    """
    if not SPEED_LIMITS[0] <= speed <= SPEED_LIMITS[1]:
        raise UserError(f"text: a speed of {speed:g} is not possible: give {SPEED_LIMITS[0]} to {SPEED_LIMITS[1]:g}")
    return speed


def plain(text: str) -> str:
    """The words of a text, without its notation."""
    return _DIRECTIVE.sub("", PRONUNCIATION.sub(r"\1", text))


def split(text: str) -> Iterator[tuple[str, str | None]]:
    """The stretches of a text in order: words, and their phonemes where the text gives them."""
    start = 0
    text = joined(text)
    for match in PRONUNCIATION.finditer(text):
        if match.start() > start:
            yield text[start : match.start()], None
        yield match[1], match[2]
        start = match.end()
    if start < len(text):
        yield text[start:], None


def guarded(text: str, change: Callable[[str], str]) -> str:
    """A text changed by a function that does not see its notation."""
    hidden_text, kept = hidden(text)
    return shown(change(hidden_text), kept)


def hidden(text: str, kept: list[str] | None = None) -> tuple[str, list[str]]:
    """A text with one character of Unicode's private use in place of each notation, and what stood there.

    Args:
        text: a text with notation.
        kept: notation that is hidden in the text already.
    """
    if kept is None:
        text, kept = re.sub(f"[{chr(_FIRST)}-{chr(_LAST)}]", "", text), []
    kept = list(kept)

    def keep(match: re.Match[str]) -> str:
        if len(kept) == _LAST - _FIRST:
            return match[0]
        kept.append(match[0])
        return chr(_FIRST + len(kept) - 1)

    return _NOTATION.sub(keep, text), kept


def shown(text: str, kept: list[str]) -> str:
    """A text with its notation again."""
    return re.sub(f"[{chr(_FIRST)}-{chr(_LAST)}]", lambda mark: kept[ord(mark[0]) - _FIRST], text)


def joined(text: str) -> str:
    """A text in which pronunciations that no space separates are one."""

    def join(match: re.Match[str]) -> str:
        pairs = PRONUNCIATION.findall(match[0])
        return f"[{''.join(word for word, _ in pairs)}](/{''.join(phonemes for _, phonemes in pairs)}/)"

    return _ADJACENT.sub(join, text)
