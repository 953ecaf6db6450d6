"""The helpers that everything shares: 16-bit samples, the speech gate, fades."""

from __future__ import annotations

import numpy as np
import pytest

from nuanced_speech.audio.fades import crossfade, fade_ends
from nuanced_speech.audio.gate import active_frames, decibels, frame_levels
from nuanced_speech.audio.pcm import CORPUS_SCALE, FULL_SCALE, from_int16, to_int16


@pytest.mark.parametrize("scale", [FULL_SCALE, CORPUS_SCALE])
def test_samples_go_to_the_nearest_step_and_are_clipped(scale: int) -> None:
    steps = np.array([-1.6, -0.6, -0.4, 0.0, 0.4, 0.6, 1.6], np.float32)
    assert to_int16(steps / scale, scale).tolist() == [-2, -1, 0, 0, 0, 1, 2]
    assert to_int16(np.array([-3.0, -1.0, 1.0, 3.0]), scale).tolist() == [-scale, -scale, 32767, 32767]


@pytest.mark.parametrize("scale", [FULL_SCALE, CORPUS_SCALE])
def test_every_sample_survives_the_way_there_and_back(scale: int) -> None:
    samples = np.arange(-32767, 32768).astype(np.int16)
    wave = from_int16(samples, scale)
    assert wave.dtype == np.float32 and np.abs(wave).max() <= 1
    assert np.array_equal(to_int16(wave, scale), samples)


def test_rounding_has_no_bias() -> None:
    wave = (0.001 * np.random.default_rng(0).standard_normal(100_000)).astype(np.float32)
    error = from_int16(to_int16(wave)) - wave
    assert abs(error.mean()) < 1e-3 / FULL_SCALE + 1e-7
    assert error.std() == pytest.approx(1 / FULL_SCALE / np.sqrt(12), rel=0.05)


def test_levels_of_frames() -> None:
    wave = np.concatenate([np.full(100, 0.1), np.full(100, 1.0), np.zeros(100), np.ones(99)]).astype(np.float32)
    np.testing.assert_allclose(frame_levels(wave, 100), [-20, 0, -100], atol=1e-5)
    assert frame_levels(wave[:99], 100).shape == (0,)
    assert decibels(0.5, 0.0) == pytest.approx(-3.0103, abs=1e-4)


def test_the_gate_is_relative_to_loud_frames_or_to_a_reference() -> None:
    level = np.array([-60.0, -50.0, -31.0, -10.0, -10.0])
    assert active_frames(level, 30.0).tolist() == [False, False, True, True, True]
    assert active_frames(level, 30.0, reference_db=-25.0).tolist() == [False, True, True, True, True]
    assert active_frames(level + 40, 30.0).tolist() == active_frames(level, 30.0).tolist()


def test_ends_are_faded_in_a_copy() -> None:
    wave = np.ones(100, np.float32)
    faded = fade_ends(wave, 11)
    assert (wave == 1).all()
    assert faded.dtype == np.float32
    np.testing.assert_allclose(faded[:11], np.linspace(0, 1, 11), atol=1e-7)
    assert np.array_equal(faded, faded[::-1])
    assert (faded[10:-10] == 1).all()
    assert (fade_ends(wave, 0) == 1).all()
    assert fade_ends(wave, 5, 0)[-1] == 1
    np.testing.assert_allclose(fade_ends(wave, 4, 2, reach_full_gain=False)[:5], [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(fade_ends(wave, 4, 2, reach_full_gain=False)[-3:], [1, 0.5, 0])


def test_a_crossfade_keeps_what_both_share() -> None:
    wave = np.random.default_rng(0).standard_normal(64).astype(np.float32)
    np.testing.assert_allclose(crossfade(wave, wave), wave, atol=1e-6)
    mixed = crossfade(np.zeros(4, np.float32), np.ones(4, np.float32))
    np.testing.assert_allclose(mixed, [0.125, 0.375, 0.625, 0.875])
