"""An exported folder, made once for all tests of this folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.audio.level import gain_of
from nuanced_speech.export.bundle import ExportOptions, export_onnx
from nuanced_speech.export.voice_table import VoiceRow
from nuanced_speech.models.fast_decoder import FastDecoder, FastDecoderConfig
from nuanced_speech.voice.stock import stock_voices, style_of

if TYPE_CHECKING:
    from nuanced_speech.convert.converter import Converter
    from nuanced_speech.edge.models import EdgeModels

SMALL = FastDecoderConfig(width=64, hidden=96, blocks=3, condition=32, heads=2, key=8, follows_source=True)
LOG_F0 = 7.6
UNITS = 60


@pytest.fixture(scope="session")
def decoder() -> FastDecoder:
    torch.manual_seed(3)
    decoder = FastDecoder(SMALL)
    with torch.no_grad():
        decoder.head.weight.normal_(0, 0.2)
        assert decoder.difference is not None
        decoder.difference.weight.normal_(0, 0.2)
    return decoder.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def row() -> VoiceRow:
    timbre = style_of(stock_voices()["af_heart"])[:128].numpy()
    return VoiceRow(
        "af_heart", f"{audio.SYNTHETIC}; voice: af_heart", LOG_F0, np.append(timbre, [np.nan] * 256).astype("f4")
    )


@pytest.fixture(scope="session")
def folder(converter: Converter, decoder: FastDecoder, row: VoiceRow, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported models in half precision."""
    out = tmp_path_factory.mktemp("edge") / "models"
    frames = np.random.default_rng(0).normal(0, 1, (40, 576)).astype(np.float32)
    rows = [row, replace(row, name="other"), replace(row, name="clone", frames=frames)]
    export_onnx(out, converter.models, decoder, rows, ExportOptions(half=True))
    return out


@pytest.fixture(scope="session")
def edge(folder: Path) -> EdgeModels:
    from nuanced_speech.edge.models import EdgeModels

    return EdgeModels(folder, threads=1)


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """A second and a half of speech at the level of Kokoro's, ``[600 * 60]``."""
    wave = audio.read(CLIP)
    return (wave * np.float32(gain_of(wave)))[: UNITS * 600]
