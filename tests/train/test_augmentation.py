"""Rooms, microphones, noise and codecs that training adds to clean speech."""

from __future__ import annotations

import numpy as np
import pytest

from nuanced_speech.audio.resampling import resample
from nuanced_speech.core.constants import SAMPLE_RATE, WHISPER_SAMPLE_RATE
from nuanced_speech.train.augment import (
    MAX_GAIN_DB,
    MIN_GAIN_DB,
    add_noise,
    augment,
    band_limit,
    reverberate,
    through_mp3,
    tilt,
)


def tone(seconds: float = 0.5) -> np.ndarray:
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * 440 * times) * (times > 0.1)).astype(np.float32)


def test_augmentation_keeps_length_and_range() -> None:
    differences = []
    for seed in range(30):
        wave = tone()
        out = augment(wave, SAMPLE_RATE, np.random.default_rng(seed))
        assert out.shape == wave.shape
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        assert 10 ** (MIN_GAIN_DB / 20) * 0.3 < np.abs(out).max() <= min(1.0, 10 ** (MAX_GAIN_DB / 20))
        assert np.array_equal(out, augment(wave, SAMPLE_RATE, np.random.default_rng(seed)))
        assert np.array_equal(wave, tone())
        differences.append(np.abs(out - wave).max())
    assert min(differences) > 0.01


@pytest.mark.parametrize("wave", [np.zeros(4000, np.float32), np.ones(1, np.float32), tone(0.15)[:50]])
def test_augmentation_survives_silence_and_scraps(wave: np.ndarray) -> None:
    for seed in range(20):
        out = augment(wave, SAMPLE_RATE, np.random.default_rng(seed))
        assert out.shape == wave.shape
        assert np.isfinite(out).all()


def test_reverberation_rings_on_and_does_not_delay() -> None:
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[1000] = 1
    for seed in range(5):
        out = reverberate(click, SAMPLE_RATE, np.random.default_rng(seed))
        assert out.shape == click.shape
        assert np.abs(out).argmax() == 1000
        assert np.abs(out[:1000]).max() < 1e-6
        early, late = (np.mean(out[a:b] ** 2) for a, b in ((1100, 2500), (18_000, 19_400)))
        assert early > 30 * late


def test_a_tilt_changes_each_octave_by_as_much_as_asked() -> None:
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32)
    before, after = (np.abs(np.fft.rfft(x)) for x in (noise, tilt(noise, SAMPLE_RATE, -6.0)))
    for frequency, wanted in ((500, 6), (1000, 0), (2000, -6), (4000, -12)):
        assert 20 * np.log10(after[frequency] / before[frequency]) == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize("compression", [0.6, 0.8, 0.93])
def test_mp3_neither_delays_nor_scales(compression: float) -> None:
    rate, wave = WHISPER_SAMPLE_RATE, np.tile(resample(tone(), SAMPLE_RATE, WHISPER_SAMPLE_RATE), 3)
    out = through_mp3(wave, rate, compression)
    assert out.shape == wave.shape
    assert not np.array_equal(out, wave)
    assert np.corrcoef(out, wave)[0, 1] > 0.97
    assert np.std(out) == pytest.approx(np.std(wave), rel=0.1)


def test_the_noise_has_the_level_asked_for() -> None:
    wave = tone()
    for snr in (5.0, 20.0):
        added = add_noise(wave, np.random.default_rng(0), snr) - wave
        assert 10 * np.log10(np.mean(wave**2) / np.mean(added**2)) == pytest.approx(snr, abs=0.1)


def test_the_band_is_limited() -> None:
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE)
    out = band_limit(noise, SAMPLE_RATE, np.random.default_rng(1))
    power = np.abs(np.fft.rfft(out)) ** 2
    assert power[1000:2000].mean() > 100 * power[9500:].mean()
    assert power[1000:2000].mean() > 100 * power[:20].mean()
