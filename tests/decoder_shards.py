"""Decoder data of made-up sounds, for tests that need no network: buzzes whose spectrum is the speaker's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from nuanced_speech.core.constants import FRAMES_PER_UNIT, SAMPLE_RATE, SAMPLES_PER_UNIT
from nuanced_speech.train.decoder_batches import _held_out
from nuanced_speech.train.decoder_data import DecoderItem, write

UNITS = 60
SMALL: dict[str, Any] = {"reference_units": 20, "width": 16, "blocks": 2, "lr": 3e-3, "warmup": 2, "ema": 0.5}
"""Settings of a decoder's training that takes seconds."""


def item(name: str, spoken: bool, generator: torch.Generator) -> DecoderItem:
    """A buzz of a pitch and a tilt that follow the name."""
    hertz, tilt = 90 + 10 * (len(name) % 7), 0.5 + 0.1 * (len(name) % 5)
    time = torch.arange(UNITS * SAMPLES_PER_UNIT) / SAMPLE_RATE
    harmonics = [torch.sin(2 * torch.pi * hertz * k * time) / k ** (1 + tilt) for k in range(1, 12)]
    wave = 0.1 * torch.stack(harmonics).sum(0) + 0.003 * torch.randn(len(time), generator=generator)
    content = torch.randn(512, UNITS, generator=generator)
    frames = FRAMES_PER_UNIT * UNITS
    return DecoderItem(
        wave,
        content,
        content + 0.1,
        torch.full((frames,), float(hertz)),
        torch.randn(frames, generator=generator) * 0.1 - 3,
        torch.randn(256, generator=generator) * 0.1,
        F.normalize(torch.rand(256, generator=generator), dim=0),
        name,
        SAMPLE_RATE / 2 if spoken else 8000.0,
        spoken,
    )


def write_shard(folder: Path) -> Path:
    """Two speakers with two recordings each, another who is held out, and two utterances of Kokoro's."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    held_out = next(name for name in map("held/{}".format, range(1000)) if _held_out(name))
    names = ["real/a", "real/a", "real/bcd", "real/bcd", held_out, held_out]
    items = [item(name, False, generator) for name in names]
    items += [item(f"kokoro/{k}", True, generator) for k in range(2)]
    write(items, folder / "made-up.safetensors")
    return folder
