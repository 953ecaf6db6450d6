"""Acoustic models that are small enough to train in seconds, and batches for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from nuanced_speech.tts.acoustic import weights
from nuanced_speech.tts.acoustic.data import Item
from nuanced_speech.tts.acoustic.interface import AcousticModel
from nuanced_speech.tts.configs import AcousticTrainConfig

ETTS = {
    "channels": 32,
    "hidden": 64,
    "speaker": 8,
    "encoder": 2,
    "pitch": 1,
    "durations": 1,
    "decoder": 2,
    "postnet": 16,
}
TACOTRON = {"channels": 32, "prenet": 32, "attention": 16, "decoder": 64, "postnet": 32, "location_filters": 4}
CALM = {"dropout": 0.0, "prenet_dropout": 0.0, "zoneout": 0.0}


def small(name: str, **settings: object) -> AcousticModel:
    torch.manual_seed(0)
    return weights.build(name, {**(ETTS if name == "etts" else TACOTRON), **settings})


def uneven(items: list[Item], count: int = 3) -> list[Item]:
    """Utterances of different lengths, an odd one among them, with some F0."""
    chosen = sorted(items, key=lambda item: len(item.mel))[:: len(items) // count][:count]
    assert len({len(item.mel) for item in chosen}) > 1 and any(len(item.mel) % 2 for item in chosen)
    return [replace(item, f0=torch.linspace(-100, 200, len(item.mel)).clamp(min=0)) for item in chosen]


def config(name: str, data: Path, out: Path, **changes: object) -> AcousticTrainConfig:
    settings = ETTS if name == "etts" else {**TACOTRON, "reduction": 3, "guided_attention": 1.0}
    made = AcousticTrainConfig(data, name, out, settings, steps=6, batch_size=4, evaluate=2, device="cpu")
    return replace(made, **changes)  # type: ignore[arg-type]
