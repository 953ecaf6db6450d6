"""A GPU gives what the processor gives, but for sums in another order and other formats of numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nuanced_speech import Converter, audio
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.evaluate import metrics, report
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import FAST, load_decoder

DEVICE = "cuda"


@pytest.fixture(scope="module")
def on_gpu() -> ModelBank:
    return ModelBank(DEVICE, "tiny.en")


def check_alike(there: np.ndarray, here: np.ndarray) -> None:
    """The same sounds at the same times, at the same pitch and loudness."""
    assert there.shape == here.shape and np.isfinite(there).all()
    levels = [audio.active_level_db(wave, SAMPLE_RATE) for wave in (there, here)]
    assert abs(levels[0] - levels[1]) < 1
    one, other = (report.contours(wave) for wave in (there, here))
    assert metrics.energy_correlation(one.n, other.n) > 0.95
    assert metrics.f0_correlation(one.f0, other.f0) > 0.95


@pytest.mark.gpu
@pytest.mark.parametrize("path", ["direct", "text"])
def test_a_conversion_by_the_fast_decoder(on_gpu: ModelBank, quick: Converter, clip: Path, path: str) -> None:
    wave = audio.read(clip)[: 3 * SAMPLE_RATE]
    converters = Converter(on_gpu, decoder=load_decoder(FAST, on_gpu)), quick
    there, here = (
        converter.convert(wave, sample_rate=SAMPLE_RATE, path=path, voice="af_heart").audio for converter in converters
    )
    check_alike(there, here)


@pytest.mark.gpu
def test_a_conversion_by_kokoro(on_gpu: ModelBank, converter: Converter, clip: Path) -> None:
    wave = audio.read(clip)[: 2 * SAMPLE_RATE]
    there, here = (each.convert(wave, sample_rate=SAMPLE_RATE).audio for each in (Converter(on_gpu), converter))
    check_alike(there, here)
