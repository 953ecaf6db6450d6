"""True peaks below the ceiling, and nothing else changed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soxr
from helpers import CLIP

from nuanced_speech import audio
from nuanced_speech.audio import m4b
from nuanced_speech.audio.limiter import CEILING, Limiter, limit, limited, true_peak
from nuanced_speech.core.constants import SAMPLE_RATE

FULL = 10 ** (-1 / 20)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    wave = audio.read(CLIP)
    return wave * np.float32(0.8 / np.abs(wave).max())


def peak_at_16_times(wave: np.ndarray) -> float:
    """True peak by another resampler."""
    return float(np.abs(soxr.resample(np.pad(wave, 1000), 1, 16, "VHQ")).max())


def test_quiet_sound_stays_bit_for_bit(speech: np.ndarray) -> None:
    assert np.array_equal(limit(speech), speech)


@pytest.mark.parametrize("gain", [1.2, 2.0, 6.0, 50.0])
def test_no_true_peak_passes(speech: np.ndarray, gain: float) -> None:
    out = limit(speech * np.float32(gain))
    assert len(out) == len(speech)
    assert peak_at_16_times(out) <= FULL
    assert np.abs(out).max() <= 0.89
    # no more is taken away than needed
    assert np.abs(out).max() > 0.8


@pytest.mark.parametrize("kind", ["noise", "square", "between samples", "one sample", "first and last"])
def test_hard_sounds(kind: str) -> None:
    time = np.arange(SAMPLE_RATE)
    one = np.zeros(SAMPLE_RATE)
    one[5000] = 30
    ends = np.zeros(SAMPLE_RATE)
    ends[[0, -1]] = 4
    wave = {
        # of less than 20 kHz: near half the rate no short filter finds what lies between the samples
        "noise": soxr.resample(np.random.default_rng(0).standard_normal(SAMPLE_RATE * 20 // 24), 20, 24),
        "square": 3 * np.sign(np.sin(2 * np.pi * 100 * time / SAMPLE_RATE)),
        # the peaks of a quarter of the rate lie between the samples: 0.85 at these is 1.2 between them
        "between samples": 1.2 * np.sin(np.pi / 2 * time + np.pi / 4) * np.hanning(SAMPLE_RATE),
        "one sample": one,
        "first and last": ends,
    }[kind].astype(np.float32)
    out = limit(wave)
    assert peak_at_16_times(out) <= FULL
    assert np.abs(out).max() <= 0.89


def test_only_the_loud_place_changes(speech: np.ndarray) -> None:
    wave = 0.3 * speech
    wave[60000:60010] = 3.0
    out = limit(wave)
    changed = np.flatnonzero(out != wave)
    assert changed[0] >= 60000 - 0.02 * SAMPLE_RATE
    assert changed[-1] <= 60010 + 0.4 * SAMPLE_RATE


def test_the_gain_has_no_step(speech: np.ndarray) -> None:
    """A click at a loud place would be heard: the gain moves by less than 1 % from sample to sample."""
    wave = 4 * speech
    out = limit(wave)
    loud = np.abs(wave) > 0.01
    gain = out[loud] / wave[loud]
    neighbours = np.diff(np.flatnonzero(loud)) == 1
    assert np.abs(np.diff(gain)[neighbours]).max() < 0.01


def test_a_stream_equals_the_whole(speech: np.ndarray) -> None:
    wave = 3 * speech
    bounds = [0, 1, 50, 51, 400, 9000, 9000, 40000, len(wave)]
    chunks = list(limited(wave[a:b] for a, b in pairwise(bounds)))
    np.testing.assert_allclose(np.concatenate(chunks), limit(wave), atol=1e-6)


def test_a_stream_is_late_by_some_milliseconds_only(speech: np.ndarray) -> None:
    limiter = Limiter()
    given = sum(len(limiter.push(speech[at : at + 2400])) for at in range(0, 24000, 2400))
    assert 24000 - given < 0.01 * SAMPLE_RATE


def test_nothing_of_nothing() -> None:
    assert len(limit(np.zeros(0, np.float32))) == 0
    assert true_peak(np.zeros(0, np.float32)) == 0


def test_true_peak_of_a_sine_between_its_samples() -> None:
    wave = np.sin(np.pi / 2 * np.arange(4800) + np.pi / 4) * np.hanning(4800)
    assert np.abs(wave).max() < 0.71
    assert true_peak(wave) == pytest.approx(1.0, abs=0.005)
    assert 0 < CEILING < FULL


@pytest.mark.parametrize("suffix", [*audio.OUTPUT_FORMATS, ".m4b"])
def test_files_of_loud_speech_decode_to_no_peak(tmp_path: Path, speech: np.ndarray, suffix: str) -> None:
    """At five times full scale, by FFmpeg: codecs that lose something come out higher than what they were given."""
    path, wave = tmp_path / f"out{suffix}", speech[: 3 * SAMPLE_RATE] * np.float32(6)
    if suffix == ".m4b":
        m4b.write(path, [wave], [], m4b.BookTags())
    else:
        audio.write(path, wave)
    container: Any = av.open(str(path))
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE if suffix != ".opus" else 48_000)
    pieces = [x.to_ndarray()[0] for frame in [*container.decode(audio=0), None] for x in resampler.resample(frame)]
    assert 0.6 < true_peak(np.concatenate(pieces)) <= FULL
    assert audio.read(path).shape[0] == pytest.approx(len(wave), abs=0.06 * SAMPLE_RATE)


def test_sound_that_is_not_synthetic_is_written_as_it_is(tmp_path: Path, speech: np.ndarray) -> None:
    wave = speech / np.abs(speech).max()
    for comment, same in (("", True), (audio.SYNTHETIC, False)):
        audio.write(tmp_path / "out.wav", wave, comment=comment)
        assert (np.abs(audio.read(tmp_path / "out.wav") - wave).max() < 1e-4) == same
