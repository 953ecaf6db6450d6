"""Time-scale modification: exact lengths, pitch and timing that stay, the same output each time."""

from __future__ import annotations

import numpy as np
import pytest

from nuanced_speech.dsp.time_stretch import respaced, stretch

RATE = 24_000


def tone(hertz: float, seconds: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def pitch(wave: np.ndarray) -> float:
    """The strongest frequency of a wave in Hz."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return float(np.argmax(spectrum)) * RATE / len(wave)


@pytest.mark.parametrize("speed", [0.5, 0.73, 1.37, 2.5])
def test_the_length_is_exact_and_the_pitch_stays(speed: float) -> None:
    wave = tone(220.0, 1.0)
    length = round(len(wave) / speed)
    stretched = stretch(wave, RATE, length)
    assert stretched.shape == (length,)
    assert stretched.dtype == np.float32
    assert pitch(stretched) == pytest.approx(220.0, abs=4.0)


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_events_move_to_their_place(speed: float) -> None:
    """A tone between two silences begins and ends where the stretched time puts it, within 30 ms."""
    silence = np.zeros(RATE // 2, np.float32)
    wave = np.concatenate([silence, tone(220.0, 0.5), silence])
    stretched = stretch(wave, RATE, round(len(wave) / speed))
    loud = np.flatnonzero(np.abs(stretched) > 0.1) / RATE
    assert loud[0] == pytest.approx(0.5 / speed, abs=0.03)
    assert loud[-1] == pytest.approx(1.0 / speed, abs=0.03)


def test_the_same_length_changes_nothing() -> None:
    wave = tone(220.0, 0.2)
    assert np.array_equal(stretch(wave, RATE, len(wave)), wave)


def test_the_output_is_the_same_each_time() -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert np.array_equal(stretch(wave, RATE, 3 * RATE), stretch(wave, RATE, 3 * RATE))


@pytest.mark.parametrize("length", [1, 300, 600, 2400])
def test_short_waves(length: int) -> None:
    stretched = stretch(tone(220.0, 0.025), RATE, length)
    assert stretched.shape == (length,)
    assert np.isfinite(stretched).all()


def speech_like() -> np.ndarray:
    """Steady vowels of 0.3 s with a burst of noise of 50 ms before each."""
    random = np.random.default_rng(0)
    burst = random.normal(0, 0.1, round(0.05 * RATE)).astype(np.float32)
    return np.concatenate([part for hertz in (150.0, 180.0, 210.0) for part in (burst, tone(hertz, 0.3))])


@pytest.mark.parametrize("speed", [1.05, 1.5, 2.31, 4.0])
def test_faster_speech_keeps_more_of_what_changes(speed: float) -> None:
    wave = speech_like()
    length = round(len(wave) / speed)
    fast, places = respaced(wave, RATE, length)
    assert fast.shape == (length,) and fast.dtype == np.float32
    assert places.to_target(0) == 0 and places.to_target(len(wave)) == pytest.approx(length)
    assert (np.diff(places.target) > 0).all() and places.to_source(places.to_target(9000.0)) == pytest.approx(9000)
    # the first burst and the vowel after it
    burst, vowel = places.to_target(0.05 * RATE), places.to_target(0.35 * RATE) - places.to_target(0.05 * RATE)
    assert burst / (0.05 * RATE) > vowel / (0.3 * RATE)
    assert burst <= 0.05 * RATE * 1.01
    assert pitch(fast[round(places.to_target(0.1 * RATE)) : round(places.to_target(0.3 * RATE))]) == pytest.approx(
        150, abs=RATE / (places.to_target(0.3 * RATE) - places.to_target(0.1 * RATE))
    )


def test_moments_of_faster_speech_are_where_the_map_says() -> None:
    silence = np.zeros(RATE // 2, np.float32)
    wave = np.concatenate([silence, tone(220.0, 0.5), silence])
    fast, places = respaced(wave, RATE, len(wave) // 2)
    loud = np.flatnonzero(np.abs(fast) > 0.1)
    assert loud[0] == pytest.approx(places.to_target(RATE * 0.5), abs=0.015 * RATE)
    assert loud[-1] == pytest.approx(places.to_target(RATE * 1.0), abs=0.015 * RATE)


def test_slower_speech_is_slower_everywhere_alike() -> None:
    wave = speech_like()
    slow, places = respaced(wave, RATE, 2 * len(wave))
    assert np.array_equal(slow, stretch(wave, RATE, 2 * len(wave)))
    assert places.to_target(3000) == 6000


@pytest.mark.parametrize("length", [1, 7, 300, 599])
def test_short_waves_can_be_faster(length: int) -> None:
    fast, _ = respaced(tone(220.0, 0.025), RATE, length)
    assert fast.shape == (length,) and np.isfinite(fast).all()
    assert not respaced(np.zeros(600, np.float32), RATE, length)[0].any()
