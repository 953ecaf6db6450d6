"""Melody, pace and loudness moved from one speaker to another."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.dsp.alignment import warp_frames
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.loudness import amplify, expander_gain, low_cut, match_loudness
from nuanced_speech.dsp.pitch import median_log_f0, transpose

HOP = 300


def test_transpose_moves_what_is_voiced() -> None:
    f0 = np.array([0, 100, 150, 0, 220], np.float32)
    up = transpose(f0, 1.0)
    assert up.dtype == np.float32
    assert up.tolist() == [0, 200, 300, 0, 440]
    np.testing.assert_allclose(transpose(f0, 7 / 12), f0 * 1.4983, rtol=1e-4)
    np.testing.assert_allclose(transpose(transpose(f0, 0.3), -0.3), f0, rtol=1e-6)


def test_the_median_is_of_voiced_frames_in_octaves() -> None:
    assert median_log_f0(np.array([0, 0, 0, 0, 128.0, 256.0, 512.0])) == 8.0
    assert math.isnan(median_log_f0(np.zeros(5)))
    assert math.isnan(median_log_f0(np.zeros(0)))
    f0 = np.array([0, 110.0, 123.0, 140.0])
    assert median_log_f0(transpose(f0, 0.5)) == pytest.approx(median_log_f0(f0) + 0.5, abs=1e-6)


def test_the_same_rhythm_is_not_warped() -> None:
    durations = np.array([2, 3, 0, 5, 1])
    assert warp_frames(durations, durations).tolist() == list(range(22))


def test_twice_as_slow_takes_each_frame_twice() -> None:
    durations = np.array([2, 3, 1])
    assert warp_frames(durations, 2 * durations).tolist() == [k // 2 for k in range(24)]


def test_each_phoneme_keeps_its_own_frames() -> None:
    source, target = np.array([4, 2, 6, 3]), np.array([1, 5, 2, 7])
    frames = warp_frames(source, target)
    assert len(frames) == 2 * target.sum()
    owner = np.repeat(np.arange(4), 2 * source)
    assert owner[frames].tolist() == np.repeat(np.arange(4), 2 * target).tolist()
    assert (np.diff(frames) >= 0).all()


def test_phonemes_without_time_are_passed_over() -> None:
    frames = warp_frames(np.array([3, 0, 2]), np.array([1, 2, 0]))
    # the second has no frame of its own in the source: it stands still where it would be
    assert frames.tolist() == [1, 4, 6, 6, 6, 6]
    assert warp_frames(np.array([3, 2, 2]), np.array([3, 0, 2])).tolist() == [0, 1, 2, 3, 4, 5, 10, 11, 12, 13]


def noise(seconds: float = 2.0) -> np.ndarray:
    samples = round(seconds * SAMPLE_RATE)
    return (0.05 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)


def test_a_wave_that_is_right_already_stays() -> None:
    wave = noise()
    np.testing.assert_allclose(match_loudness(wave, energy(wave)), wave, rtol=1e-4, atol=1e-6)


def test_loudness_moves_to_what_is_wanted() -> None:
    """A contour that swings by 12 dB twice a second, put on noise that is steady."""
    wave = noise()
    times = np.arange(len(energy(wave))) * HOP / SAMPLE_RATE
    wanted = energy(wave) + 1.4 * np.sin(2 * np.pi * 2 * times)
    matched = match_loudness(wave, wanted)
    assert matched.shape == wave.shape
    assert matched.dtype == np.float32
    before, after = (np.abs(energy(x) - wanted)[4:-4].mean() for x in (wave, matched))
    assert before > 0.8
    assert after < 0.15
    assert np.corrcoef(energy(matched)[4:-4], wanted[4:-4])[0, 1] > 0.98


@pytest.mark.parametrize(("asked", "decibels"), [(50.0, 12.0), (-50.0, -24.0), (2.0, 2.0 * 10 / np.log(10))])
def test_the_gain_is_bounded(asked: float, decibels: float) -> None:
    wave = noise(0.5)
    matched = match_loudness(wave, energy(wave) + asked)
    np.testing.assert_allclose(matched, wave * 10 ** (decibels / 20), rtol=1e-3)


def test_the_gain_is_smooth() -> None:
    """A jump of 24 dB from one frame to the next is spread over the length of a consonant: no click."""
    wave = np.full(SAMPLE_RATE, 0.1, np.float32)
    frames = SAMPLE_RATE // HOP
    wanted = energy(wave) + np.where(np.arange(frames) < frames // 2, -50.0, 50.0)
    matched = match_loudness(wave, wanted)
    decibels = 20 * np.log10(matched / wave)
    assert decibels[0] == pytest.approx(-24, abs=0.01)
    assert decibels[-1] == pytest.approx(12, abs=0.01)
    assert np.abs(np.diff(decibels)).max() < 36 / (1.9 * HOP)


def test_what_is_too_low_to_be_heard_is_cut_and_a_low_voice_is_not() -> None:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    inaudible, voice = (np.sin(2 * np.pi * hz * time).astype(np.float32) for hz in (8, 70))
    cut = low_cut(inaudible + voice)
    middle = slice(SAMPLE_RATE // 4, -SAMPLE_RATE // 4)
    # in phase too, or the melody would move against the words
    assert np.abs(cut - voice)[middle].max() < 0.02
    assert not low_cut(np.zeros(600, np.float32)).any()


def test_silence_stays_silence() -> None:
    wave = np.zeros(SAMPLE_RATE // 2, np.float32)
    assert not match_loudness(wave, energy(noise(0.5))).any()


def test_pauses_are_made_quieter_and_speech_is_not() -> None:
    n = np.concatenate([np.full(20, -6.0), np.full(60, 2.0), np.full(20, -4.5)]).astype(np.float32)
    gain = expander_gain(n)
    assert len(gain) == 100 and not gain[24:76].any()
    assert gain[:15] == pytest.approx(-7.5)
    assert gain[90] == pytest.approx(-3.75)  # halfway to speech
    assert np.abs(np.diff(gain)).max() < 2.5  # not at one blow
    assert not expander_gain(np.linspace(0, 4, 100)).any()
    assert len(expander_gain(np.zeros(0))) == 0


def test_a_gain_is_given_frame_by_frame() -> None:
    wave = noise()
    louder = amplify(wave, np.repeat([0.0, 20.0], len(wave) // HOP // 2))
    assert louder.dtype == np.float32
    np.testing.assert_array_equal(louder[: len(wave) // 2 - HOP], wave[: len(wave) // 2 - HOP])
    np.testing.assert_allclose(louder[len(wave) // 2 + HOP :], 10 * wave[len(wave) // 2 + HOP :], rtol=1e-5)
