"""Loudness against the recommendation, and against pyloudnorm."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.audio.levelling import at_loudness
from nuanced_speech.audio.loudness import LoudnessMeter, check_loudness, gain_to, k_weighting, loudness
from nuanced_speech.core.errors import UserError


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return audio.read(CLIP)


def test_filters_are_those_of_the_recommendation() -> None:
    shelf, high_pass = k_weighting(48_000)
    expected = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    np.testing.assert_allclose(shelf, expected, atol=1e-8)
    np.testing.assert_allclose(high_pass, [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621], atol=1e-8)


def test_a_full_scale_sine_of_997_hz() -> None:
    """The recommendation: -3.01 LKFS on one channel."""
    sine = np.sin(2 * np.pi * 997 * np.arange(48_000 * 3) / 48_000)
    assert loudness(sine, 48_000) == pytest.approx(-3.01, abs=0.02)


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_as_pyloudnorm(speech: np.ndarray, rate: int) -> None:
    wave = np.concatenate([audio.resample(speech, audio.SAMPLE_RATE, rate), np.zeros(5 * rate, np.float32)])
    assert loudness(wave, rate) == pytest.approx(pyloudnorm.Meter(rate).integrated_loudness(wave), abs=0.15)


def test_a_stream_equals_the_whole(speech: np.ndarray) -> None:
    meter = LoudnessMeter()
    for at in range(0, len(speech), 777):
        meter.push(speech[at : at + 777])
    assert meter.lufs == pytest.approx(loudness(speech), abs=1e-9)


def test_a_gain_reaches_the_target(speech: np.ndarray) -> None:
    assert loudness(speech * gain_to(-16.0, loudness(speech))) == pytest.approx(-16.0, abs=0.01)


def test_silence_and_what_is_short(speech: np.ndarray) -> None:
    assert loudness(np.zeros(24_000)) == -math.inf
    assert loudness(np.zeros(0)) == -math.inf
    assert gain_to(-16.0, -math.inf) == 1.0
    assert math.isfinite(loudness(speech[30000:33000]))


@pytest.mark.parametrize("target", [-40.0, -23.0, -20.0])
def test_a_stream_is_brought_to_a_loudness(speech: np.ndarray, target: float) -> None:
    chunks = list(at_loudness((speech[at : at + 5000] for at in range(0, len(speech), 5000)), target))
    assert sum(map(len, chunks)) == len(speech)
    assert loudness(np.concatenate(chunks)) == pytest.approx(target, abs=0.3)


def test_a_loud_target_is_limited(speech: np.ndarray) -> None:
    out = np.concatenate(list(at_loudness([speech], -6.0)))
    assert np.abs(out).max() <= 0.89


@pytest.mark.parametrize("target", [-71.0, 0.0, math.nan])
def test_impossible_targets(target: float) -> None:
    with pytest.raises(UserError, match="LUFS"):
        check_loudness(target)
