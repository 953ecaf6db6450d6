"""Spectral balance, on noise whose balance is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.dsp.spectral_balance import (
    BANDS,
    CLOSE,
    SpectralBalance,
    follow_balance,
    long_term_spectrum,
    match_balance,
    measure_balance,
)

SECONDS = 2.0


def noise(seed: int = 0) -> np.ndarray:
    """Steady noise with a quarter of a second of near silence at both ends."""
    wave = 0.1 * np.random.default_rng(seed).standard_normal(int(SECONDS * SAMPLE_RATE))
    pause = SAMPLE_RATE // 4
    wave[:pause] *= 1e-3
    wave[-pause:] *= 1e-3
    return wave.astype(np.float32)


def brighter(wave: np.ndarray, decibels: float | np.ndarray) -> np.ndarray:
    """What lies above 2 kHz made louder, by a number or sample by sample."""
    high = sosfilt(butter(4, 2000, "highpass", fs=SAMPLE_RATE, output="sos"), wave)
    return (wave + (10 ** (np.asarray(decibels) / 20) - 1) * high).astype(np.float32)


def swing(decibels: float) -> np.ndarray:
    """A brightness that goes up and down once a second."""
    return decibels * np.sin(2 * np.pi * np.arange(int(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE)


def distance(a: SpectralBalance, b: SpectralBalance) -> float:
    """In dB, where both speak."""
    both = a.reliable & b.reliable & a.active[:, None] & b.active[:, None]
    return float(np.abs(a.bands.astype(float) - b.bands)[both].mean() * 10 / np.log(10))


def test_a_wave_that_is_right_already_hardly_changes() -> None:
    wave = noise()
    after = match_balance(wave, measure_balance(wave))
    assert after.shape == wave.shape and after.dtype == np.float32
    assert np.abs(after - wave).max() < 0.06 * np.abs(wave).max()


@pytest.mark.parametrize("decibels", [8.0, -8.0])
def test_a_moving_balance_is_put_on_a_steady_wave(decibels: float) -> None:
    wanted = measure_balance(brighter(noise(1), swing(decibels)))
    before, after = (distance(measure_balance(x), wanted) for x in (noise(), match_balance(noise(), wanted)))
    assert before > 2.5
    assert after < 1.2


@pytest.mark.parametrize("clear, bound", [(True, 15.0), (False, 9.0)])
def test_what_is_asked_is_given_within_bounds(clear: bool, bound: float) -> None:
    """Further where the source is far louder than its noise."""
    wanted = measure_balance(brighter(noise(), 30.0))
    assert wanted.clear[wanted.active].all()
    wanted = replace(wanted, clear=wanted.clear & clear)
    after = match_balance(noise(), wanted)
    gained = measure_balance(after).bands.astype(float) - measure_balance(noise()).bands
    active = measure_balance(noise()).active
    assert gained[active][10:-10, 30:].mean() * 10 / np.log(10) == pytest.approx(bound, abs=1.5)


def test_what_is_too_loud_in_the_whole_is_brought_down_first() -> None:
    """By more than what may be taken off from moment to moment, where the source is not clear too."""
    wanted = measure_balance(noise(1))
    wanted = replace(wanted, clear=np.zeros_like(wanted.clear))
    assert distance(measure_balance(match_balance(brighter(noise(), 24.0), wanted)), wanted) < 1.2


def test_a_pause_of_the_same_level_stays_about_as_loud() -> None:
    source, wave, pause = brighter(noise(1), 12.0), noise(), slice(2400, 4800)
    after = match_balance(wave, measure_balance(source))
    assert np.abs(after[pause]).mean() == pytest.approx(np.abs(wave[pause]).mean(), rel=0.5)


def high_passed(wave: np.ndarray) -> np.ndarray:
    return sosfilt(butter(6, 2000, "highpass", fs=SAMPLE_RATE, output="sos"), wave)


def hiss(level: float) -> np.ndarray:
    """Above 2 kHz, in pauses too."""
    return high_passed(level * np.random.default_rng(9).standard_normal(int(SECONDS * SAMPLE_RATE)))


def test_what_the_source_hides_in_its_noise_is_not_made_louder() -> None:
    """A recording that is hiss above 2 kHz, as loud while nobody speaks."""
    low = sosfilt(butter(6, 2000, "lowpass", fs=SAMPLE_RATE, output="sos"), noise())
    source = measure_balance((low + hiss(0.2)).astype(np.float32))
    wave = (low + 0.01 * high_passed(noise())).astype(np.float32)
    gained = measure_balance(match_balance(wave, source)).bands.astype(float) - measure_balance(wave).bands
    assert gained[source.active][10:-10, 30:].mean() < 0.1


def test_noise_is_not_taken_for_brightness() -> None:
    clean, noisy = measure_balance(noise()), measure_balance((noise() + hiss(0.045)).astype(np.float32))
    difference = (noisy.bands.astype(float) - clean.bands)[clean.active][10:-10, 30:] * 10 / np.log(10)
    assert abs(difference.mean()) < 0.6  # 0.8 with the noise in it


def test_bands_that_the_source_lacks_do_not_tilt_the_others() -> None:
    low = sosfilt(butter(8, 3000, "lowpass", fs=SAMPLE_RATE, output="sos"), noise(1))
    low = (low + hiss(0.01)).astype(np.float32)
    after = measure_balance(
        follow_balance(noise(), measure_balance(low), long_term_spectrum([measure_balance(noise(2))]))
    )
    change = after.bands.astype(float) - measure_balance(noise()).bands
    assert abs(change[after.active][10:-10, :15].mean()) * 10 / np.log(10) < 1.5


def test_another_voice_keeps_its_colour_and_follows_the_movement() -> None:
    steady = measure_balance(brighter(noise(1), 6.0))
    after = measure_balance(follow_balance(noise(), steady))
    assert distance(after, measure_balance(noise())) < 1.0
    moving = measure_balance(brighter(noise(1), 6.0 + swing(6.0)))
    after = measure_balance(follow_balance(noise(), moving))
    high = [(b.bands[:, 30:].astype(float).mean(1) - b.bands[:, :10].mean(1))[b.active] for b in (moving, after)]
    assert np.corrcoef(*high)[0, 1] > 0.9


def test_another_voice_follows_in_broad_strokes_only() -> None:
    """One narrow band swings in the source, as a formant does that is elsewhere in the other voice."""
    band = sosfilt(butter(2, [950, 1150], "bandpass", fs=SAMPLE_RATE, output="sos"), noise(1))
    source = measure_balance((noise(1) + (10 ** (swing(9.0) / 20) - 1) * band).astype(np.float32))
    gained = measure_balance(follow_balance(noise(), source)).bands.astype(float) - measure_balance(noise()).bands
    assert gained[source.active][10:-10].std(0).max() * 10 / np.log(10) < 1.5


def test_another_voice_gets_the_colour_of_its_recording() -> None:
    target = [measure_balance(brighter(noise(2), -6.0))]
    after = measure_balance(follow_balance(noise(), measure_balance(noise(1)), long_term_spectrum(target)))
    louder = follow_balance(noise(), measure_balance(noise(1)), long_term_spectrum(target) + 3)
    np.testing.assert_allclose(
        louder, follow_balance(noise(), measure_balance(noise(1)), long_term_spectrum(target)), atol=1e-6
    )
    tint = long_term_spectrum([after]) - long_term_spectrum([measure_balance(noise())])
    wanted = long_term_spectrum(target) - long_term_spectrum([measure_balance(noise(2))])
    np.testing.assert_allclose((tint - tint.mean())[8:-2], (wanted - wanted.mean())[8:-2], atol=0.4)


def test_silence_and_the_shortest_wave() -> None:
    for samples in (600, 1200):
        wave = np.zeros(samples, np.float32)
        found = measure_balance(wave)
        assert found.bands.shape == (samples // 300, BANDS)
        assert not match_balance(wave, found).any()
        assert not follow_balance(wave, found, long_term_spectrum([found])).any()
    loud = noise()[:1200] * 1000
    assert np.isfinite(follow_balance(loud, measure_balance(np.zeros(1200, np.float32)), np.full(BANDS, np.nan))).all()


def test_a_close_balance_brings_a_wave_nearer() -> None:
    far = brighter(noise(1), 12.0 * np.sign(swing(1.0)))
    wave = brighter(noise(), -12.0 * np.sign(swing(1.0)))
    usual, close = measure_balance(far), measure_balance(far, CLOSE)
    assert close.closeness == CLOSE and close[5:9].closeness == CLOSE
    left = [distance(measure_balance(match_balance(wave, target), CLOSE), close) for target in (usual, close)]
    assert left[1] < 0.7 * left[0]
