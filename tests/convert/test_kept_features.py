"""Features in files are what they were, their order in memory included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_features import features, same

from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.convert import kept_features
from nuanced_speech.core.errors import UserError


def test_features_are_kept_to_the_last_bit(tmp_path: Path) -> None:
    written = [features(0), features(1)]
    kept_features.write(tmp_path / "x.safetensors", written)
    read = kept_features.read(tmp_path / "x.safetensors")
    assert len(read) == 2
    for a, b in zip(written, read, strict=True):
        same(a, b)


def test_frames_are_read_when_they_are_needed(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    kept_features.write(path, [features(0), features(1)])
    first, second = kept_features.read(path)
    assert second.wave is second.wave and first.content is first.content
    path.unlink()
    # what was read lately is there still, what is read anew is not
    assert len(first.wave) == 4200
    again = replace(first, frames=kept_features.KeptFrames(path, 0, kept_features.FrameReader()))
    with pytest.raises(UserError, match="begin anew"):
        _ = again.wave


def test_features_of_another_length_are_refused_in_one_line(tmp_path: Path) -> None:
    path, good = tmp_path / "x.safetensors", features(0)
    other = [
        replace(good, f0=good.f0[1:]),
        replace(good, frames=replace(good.frames.load(), wave=good.wave[:600])),
        replace(good, segment=Segment(0, 9, 0, 9)),
    ]
    for damaged in [*other, good.style]:
        kept_features.write(path, [damaged])  # type: ignore[list-item]
        with pytest.raises(UserError, match="not kept features, or damaged"):
            kept_features.read(path)


def test_a_window_that_a_folder_holds_is_not_measured_again(tmp_path: Path) -> None:
    folder = kept_features.FeatureFolder(tmp_path / "kept", "cpu")
    times: list[int] = []

    def measure() -> list[SegmentFeatures]:
        times.append(1)
        return [features(len(times))]

    folder.window(0, measure)
    again = folder.window(0, measure)
    assert len(times) == 1 and isinstance(again[0].frames, kept_features.KeptFrames)
    same(features(1), again[0])
    same(features(2), folder.window(1, measure)[0])
