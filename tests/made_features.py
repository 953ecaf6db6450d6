"""Features of segments that nobody spoke, and whether two are the same to the last bit."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import torch

from nuanced_speech.analysis.features import SegmentFeatures, SegmentFrames
from nuanced_speech.audio.segmentation import Segment
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


def same(a: Any, b: Any) -> None:
    """Fail unless two features, or parts of them, are the same, their order in memory included."""
    if hasattr(b, "load"):
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
