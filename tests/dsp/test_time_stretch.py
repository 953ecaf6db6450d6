"""Time-scale modification: exact lengths, pitch and timing that stay, the same output each time."""

from __future__ import annotations

import numpy as np
import pytest

from nuanced_speech.dsp.time_stretch import stretch

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
