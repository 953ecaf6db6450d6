"""Subtitles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nuanced_speech.synthesis import timestamps
from nuanced_speech.synthesis.speaking import SpokenSentence, TimedText

if TYPE_CHECKING:
    pass


LONG = [
    TimedText(word, 0.3 * k, 0.3 * k + 0.25)
    for k, word in enumerate(("one two three four five six seven eight nine ten, " * 4).split())
]


@pytest.mark.parametrize("suffix", [".srt", ".vtt"])
def test_subtitles_hold_two_lines_and_go_forward(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"times{suffix}"
    later = [TimedText(w.text, w.start + 3700, w.end + 3700) for w in LONG[:3]]
    nothing = np.zeros(0, np.float32)
    timestamps.write(path, [SpokenSentence(nothing, 0, LONG[:9], 0, 0), SpokenSentence(nothing, 0, LONG[9:], 1, 0),
                            SpokenSentence(nothing, 1, later, 1, 1)])  # fmt: skip
    text = path.read_text(encoding="utf-8")
    assert text.startswith("WEBVTT\n\n" if suffix == ".vtt" else "1\n00:00:00,000 --> ")
    cues = re.findall(r"(\d\d):(\d\d):(\d\d)[.,](\d{3}) --> (\d\d):(\d\d):(\d\d)[.,](\d{3})\n((?:.+\n)+)", text)
    times = []
    for *clock, lines in cues:
        assert lines.count("\n") <= 2 and max(map(len, lines.splitlines())) <= 42
        for h, m, s, ms in (clock[:4], clock[4:]):
            times.append(int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000)
    assert times == sorted(times) and times[-2] == 3700.0 and len(set(times)) == len(times)
    assert " ".join(cue[-1] for cue in cues).split() == [w.text for w in LONG + later]
    # a break after a mark where one is near
    assert cues[0][-1].endswith("ten,\n")
