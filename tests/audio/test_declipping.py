"""Clipped peaks of real speech, rebuilt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import CLIP, SAMPLE

from nuanced_speech import audio
from nuanced_speech.audio.declipping import declipped
from nuanced_speech.core.constants import SAMPLE_RATE


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Two seconds of real speech whose peak is full scale."""
    wave = audio.read(SAMPLE)[: 2 * SAMPLE_RATE]
    return wave / np.abs(wave).max()


def ratio_db(wanted: np.ndarray, wave: np.ndarray) -> float:
    """Level of a waveform above its error after the best gain, in dB."""
    error = wanted - wave * (wanted @ wave / (wave @ wave))
    return float(10 * np.log10(wanted @ wanted / (error @ error)))


@pytest.mark.parametrize(("gain", "better"), [(2, 1.5), (4, 1.5)])
def test_clipped_speech_comes_nearer_to_the_original(speech: np.ndarray, gain: float, better: float) -> None:
    loud = (gain * speech).astype(np.float32)
    clipped = np.clip(loud, -1, 1)
    assert audio.clipped_fraction(clipped) > 0.001
    rebuilt = declipped(clipped, SAMPLE_RATE)
    assert ratio_db(loud, rebuilt) > ratio_db(loud, clipped) + better
    kept = np.abs(clipped) < 0.99
    assert np.array_equal(rebuilt[kept], clipped[kept])
    assert (np.abs(rebuilt) >= np.abs(clipped) - 1e-6).all() and np.abs(rebuilt).max() <= 3


def test_a_clipped_file_of_another_rate(speech: np.ndarray, tmp_path: Path) -> None:
    loud = 3 * audio.resample(speech, SAMPLE_RATE, 16000)
    soundfile.write(tmp_path / "clipped.wav", np.clip(loud, -1, 1), 16000)
    wanted, clipped = audio.resample(loud, 16000, SAMPLE_RATE), audio.read(tmp_path / "clipped.wav")
    assert ratio_db(wanted, declipped(clipped, SAMPLE_RATE)) > ratio_db(wanted, clipped) + 0.3


def test_what_is_not_clipped_or_all_clipped_stays(speech: np.ndarray) -> None:
    for wave in (speech, audio.read(CLIP), np.zeros(0, np.float32), np.sign(speech), np.clip(40 * speech, -1, 1)):
        assert declipped(wave, SAMPLE_RATE) is wave


def test_a_square_wave_is_not_made_up() -> None:
    square = np.sign(np.sin(np.arange(SAMPLE_RATE) / 40)).astype(np.float32)
    quiet = np.concatenate([square, np.zeros(9 * SAMPLE_RATE, np.float32)])
    assert np.isfinite(declipped(quiet, SAMPLE_RATE)).all()
    assert np.array_equal(declipped(quiet, SAMPLE_RATE), quiet)
