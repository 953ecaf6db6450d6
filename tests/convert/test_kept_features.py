"""Features in files are what they were, their order in memory included."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nuanced_speech.analysis.features import SegmentFeatures, SegmentFrames
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.convert import kept_features
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.spectral_balance import SpectralBalance
from nuanced_speech.voice.style import Style


def features(seed: int) -> SegmentFeatures:
    random, units = np.random.default_rng(seed), 7
    bands = random.standard_normal((40, 2 * units)).astype(np.float16).T
    return SegmentFeatures(
        Segment(seed, seed + units, seed, seed + units),
        SegmentFrames(
            random.standard_normal(600 * units).astype(np.float32),
            torch.from_numpy(random.standard_normal((units, 512)).astype(np.float16)).T,
            random.standard_normal((units, 178)).astype(np.float32),
            SpectralBalance(bands, bands > 0, bands > 1, bands[:, 0] > 0),
        ),
        random.standard_normal(2 * units),
        random.standard_normal(2 * units).astype(np.float32),
        Style.from_vector(torch.from_numpy(random.standard_normal(300).astype(np.float32))),
        np.full(256, np.nan, np.float32),
        "həlˈO",
    )


def same(a: object, b: object) -> None:
    if isinstance(b, kept_features.KeptFrames):
        b = b.load()
    assert type(a) is type(b)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        assert a.dtype == b.dtype and a.strides == b.strides and a.tobytes() == b.tobytes()
    elif isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        assert a.dtype == b.dtype and a.stride() == b.stride() and torch.equal(a, b)
    elif hasattr(a, "__dataclass_fields__"):
        for field in fields(a):  # type: ignore[arg-type]
            same(getattr(a, field.name), getattr(b, field.name))
    else:
        assert a == b


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
