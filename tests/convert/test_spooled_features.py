"""Frames of long recordings lie in a temporary file, and are the same to the last bit."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from made_features import features, same

from nuanced_speech.analysis.features import SegmentFeatures, SegmentFrames
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.convert.spooled_features import FrameSpool, SpooledFrames, spooling
from nuanced_speech.core.errors import UserError


class Measured:
    """An analyzer whose features are those of the segments' numbers."""

    config, gate = SimpleNamespace(window_units=20), None

    def __init__(self) -> None:
        self.groups: list[int] = []

    def __call__(
        self, recording: np.ndarray, segments: list[Segment], gain: float, phonemes: bool, progress: Any
    ) -> list[SegmentFeatures]:
        self.groups.append(len(segments))
        return [features(item.first) for item in segments]


def segments(count: int) -> list[Segment]:
    return [features(7 * number).segment for number in range(count)]


def test_only_long_recordings_are_spooled() -> None:
    analyzer: Any = Measured()
    stored = spooling(analyzer, "cpu", seconds=1.0)
    recording = np.zeros(600 * 70, np.float32)
    short = stored(recording, segments(5), 1.0, True)
    assert all(isinstance(item.frames, SegmentFrames) for item in short) and analyzer.groups == [5]
    told: list[float] = []
    long = stored(recording, segments(10), 1.0, True, told.append)
    assert all(isinstance(item.frames, SpooledFrames) for item in long) and analyzer.groups == [5, 2, 2, 2, 2, 2]
    assert told == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    for number, item in enumerate(long):
        same(features(7 * number), item)


def test_the_last_frames_stay_in_memory() -> None:
    spool = FrameSpool()
    kept = [spool.put(features(number).frames.load()) for number in range(40)]
    assert kept[39].load() is kept[39].load()
    first = kept[0].load()
    for item in kept:
        item.load()
    again = kept[0].load()
    assert again is not first
    same(first, again)


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: Path("/dev/full").open("r+b", 0))  # noqa: SIM115
    with pytest.raises(UserError, match="no room for a temporary file"):
        FrameSpool().put(features(0).frames.load())
