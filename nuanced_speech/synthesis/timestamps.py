"""Files with the times of words: JSON, SubRip (SRT) or WebVTT, by the suffix of the name.

A cue holds at most two lines of 42 characters (21 of Japanese and Chinese, which are twice as wide), the usual limit of
subtitles. A long sentence becomes several cues, with breaks after punctuation marks.
"""

import json
import os
import textwrap
import unicodedata
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import check_replaceable, replacing
from nuanced_speech.synthesis.speaking import SpokenSentence, TimedText

SUFFIXES = (".json", ".srt", ".vtt")
LINE, LINES = 42, 2


def check_writable(path: Path) -> None:
    """Check a file to write, before long work.

    Raises:
        UserError: its suffix is not one of ``SUFFIXES``, or it cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path}: timestamps are written as {', '.join(SUFFIXES)}; end the name in one of them")
    check_replaceable(path)


def write(path: str | os.PathLike[str], sentences: Iterable[SpokenSentence], spaces: bool = True) -> None:
    """Write the times of sentences and their words. The file appears only when it is complete.

    Args:
        path: file to write.
        sentences: sentences, or parts of them, in order.
        spaces: whether the language writes spaces between words.

    Raises:
        UserError: a name with another suffix, or a path that cannot be written.
    """
    path = Path(path)
    check_writable(path)
    content = text_of(_sentences(sentences), path.suffix.lower(), spaces)
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def text_of(sentences: list[list[TimedText]], suffix: str, spaces: bool = True) -> str:
    """The text of a file with the times of words.

    Args:
        sentences: the words of each sentence.
        suffix: one of ``SUFFIXES``.
        spaces: whether the language writes spaces between words.
    """
    timed = [words for words in sentences if words]
    if suffix == ".json":
        table = {
            "words": [vars(word) for sentence in timed for word in sentence],
            "sentences": [vars(_joined(sentence, spaces)) for sentence in timed],
        }
        return json.dumps(table, ensure_ascii=False, indent=1) + "\n"
    cues = [cue for sentence in timed for cue in _cues(sentence, spaces)]
    return _srt(cues) if suffix == ".srt" else "WEBVTT\n\n" + "\n".join(_cue(cue, ".") for cue in cues)


def _sentences(parts: Iterable[SpokenSentence]) -> list[list[TimedText]]:
    """The words of each sentence, joined from its parts; times rounded to milliseconds."""
    groups = (group for _, group in groupby(parts, key=lambda part: part.sentence))
    return [
        [TimedText(w.text, round(w.start, 3), round(w.end, 3)) for part in group for w in part.words if w.text]
        for group in groups
    ]


def _joined(words: list[TimedText], spaces: bool) -> TimedText:
    return TimedText((" " if spaces else "").join(w.text for w in words), words[0].start, words[-1].end)


def _lines(text: str) -> list[str]:
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text) > len(text) / 2
    return textwrap.wrap(text, LINE // 2 if wide else LINE)


def _cues(words: list[TimedText], spaces: bool) -> list[TimedText]:
    """A sentence in as many cues as it needs, each cut at the last mark that leaves it more than half full."""
    cues: list[TimedText] = []
    while words:
        fits = 1
        while fits < len(words) and len(_lines(_joined(words[: fits + 1], spaces).text)) <= LINES:
            fits += 1
        marks = [k for k in range(fits // 2 + 1, fits + 1) if words[k - 1].text[-1] in ",;:—、，；："]
        at = fits if fits == len(words) or not marks else marks[-1]
        cues.append(_joined(words[:at], spaces))
        words = words[at:]
    return cues


def _srt(cues: list[TimedText]) -> str:
    return "\n".join(f"{number}\n{_cue(cue, ',')}" for number, cue in enumerate(cues, 1))


def _cue(cue: TimedText, decimal: str) -> str:
    return f"{_clock(cue.start, decimal)} --> {_clock(cue.end, decimal)}\n" + "\n".join(_lines(cue.text)) + "\n"


def _clock(seconds: float, decimal: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{decimal}{rest % 1000:03}"
