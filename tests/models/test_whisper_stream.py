"""Whisper's encoder over a stream."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.audio.level import gain_of
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.whisper_stream import StreamConfig, WhisperStream


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    """Three seconds of speech at 16 kHz."""
    clip = audio.read(CLIP)[:72_000]
    return audio.resample(clip * np.float32(gain_of(clip)), 24_000, 16_000)


def in_blocks(
    models: ModelBank, wave: np.ndarray, config: StreamConfig, block: int = 15, ahead: int = 10
) -> torch.Tensor:
    """Features ``[F, width]`` of blocks of 0.3 s, each with 0.2 s after it and at most 1.2 s before it."""
    stream, parts = WhisperStream(models.feature_extractor, models.content_adapter.config.layer, config), []
    for begin in range(0, len(wave) // 320 - block - ahead + 1, block):
        start = max(begin - 60, 0)
        window = wave[start * 320 : (begin + block + ahead) * 320]
        features = stream(window, start, begin + block)
        assert features.shape == (begin + block + ahead - start, 512)
        parts.append(features[begin - start : begin - start + block])
    return torch.cat(parts)


def phonemes(models: ModelBank, features: torch.Tensor) -> np.ndarray:
    units = int(len(features) / 1.25)
    with torch.no_grad():
        return models.content_adapter(features[None], torch.tensor([units])).logits[0].argmax(0).numpy()


def test_blocks_are_heard_as_the_whole_clip(models: ModelBank, wave: np.ndarray) -> None:
    whole = models.feature_extractor.features(wave, (models.content_adapter.config.layer,))
    carried = in_blocks(models, wave, StreamConfig())
    expected = phonemes(models, whole)
    found = phonemes(models, carried)
    assert len(carried) == 135 and (found == expected[: len(found)]).mean() > 0.8
    # without what is carried, less is understood
    forgetful = phonemes(models, in_blocks(models, wave, StreamConfig(past=0, again=0)))
    assert (found == expected[: len(found)]).mean() > (forgetful == expected[: len(found)]).mean()


def test_nothing_kept_is_everything_computed_again(models: ModelBank, wave: np.ndarray) -> None:
    layer, short = models.content_adapter.config.layer, wave[: 100 * 320]
    stream = WhisperStream(models.feature_extractor, layer, StreamConfig(again=1000))
    stream(short[: 60 * 320], 0, 50)
    again = stream(short, 0, 80)
    once = WhisperStream(models.feature_extractor, layer)(short, 0, 80)
    torch.testing.assert_close(again, once, atol=1e-3, rtol=1e-3)


def test_a_stretch_that_outlasts_whispers_positions_begins_anew(models: ModelBank, wave: np.ndarray) -> None:
    features = in_blocks(models, wave, StreamConfig(first=1380))
    assert features.shape == (135, 512) and bool(features.isfinite().all())
