"""Cutting at pauses and joining again."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from nuanced_speech.audio.segmentation import (
    MARGIN_UNITS,
    MAX_SECONDS,
    MIN_SECONDS,
    Segment,
    crossfade_join,
    segment,
    with_bounds,
)
from nuanced_speech.core.constants import SAMPLE_RATE, SAMPLES_PER_UNIT


def talk(pauses: list[tuple[float, float]], seconds: float, seed: int = 0) -> np.ndarray:
    """Noise at a speaking level that falls by 60 dB in the pauses, each ``(start, end)`` in seconds."""
    wave = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE)).astype(np.float32)
    for start, end in pauses:
        wave[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] *= 1e-3
    return wave


def check_cover(segments: list[Segment], samples: int) -> None:
    """Own stretches follow each other without gap or overlap; what is converted around them stays inside."""
    units = -(-samples // SAMPLES_PER_UNIT)
    assert segments[0].start == segments[0].first == 0
    assert segments[-1].end == segments[-1].last == units
    for part, after in pairwise(segments):
        assert part.end == after.start
        assert part.last == part.end + MARGIN_UNITS
        assert after.first == after.start - MARGIN_UNITS
    assert all(part.start < part.end for part in segments)
    assert all((part.end - part.start) * SAMPLES_PER_UNIT <= MAX_SECONDS * SAMPLE_RATE for part in segments)


def test_cuts_fall_in_pauses() -> None:
    # 1.0 is too early for a cut; the gap at 20 is too short to be a pause
    pauses = [(1.0, 1.5), (4.0, 4.6), (9.0, 9.5), (16.0, 16.4), (20.0, 20.1), (26.0, 26.5), (30.0, 31.0)]
    wave = talk(pauses, 38.3)
    segments = segment(wave)
    check_cover(segments, len(wave))
    cuts = [part.start * SAMPLES_PER_UNIT / SAMPLE_RATE for part in segments[1:]]
    wanted = [pauses[k] for k in (1, 2, 3, 5)]
    assert len(cuts) >= len(wanted)
    for at, (start, end) in zip(cuts, wanted, strict=False):
        assert start < at < end
    lengths = [(part.end - part.start) * SAMPLES_PER_UNIT / SAMPLE_RATE for part in segments[:-1]]
    assert min(lengths) >= MIN_SECONDS


def test_without_a_pause_the_quietest_place_is_taken() -> None:
    wave = talk([], 20.0)
    wave[round(7.0 * SAMPLE_RATE) : round(7.5 * SAMPLE_RATE)] *= 0.4
    segments = segment(wave)
    check_cover(segments, len(wave))
    assert 7.0 < segments[1].start * SAMPLES_PER_UNIT / SAMPLE_RATE < 7.5


@pytest.mark.parametrize("samples", [1, 599, 600, 601, 12 * SAMPLE_RATE])
def test_what_is_short_enough_stays_whole(samples: int) -> None:
    wave = talk([(5.0, 6.0)], 12.0)[:samples]
    assert segment(wave) == [Segment(0, -(-samples // SAMPLES_PER_UNIT), 0, -(-samples // SAMPLES_PER_UNIT))]


@pytest.mark.parametrize("kind", ["noise", "silence", "constant"])
def test_sound_without_any_pause_is_cut_all_the_same(kind: str) -> None:
    samples = 50 * SAMPLE_RATE + 123
    wave = {
        "noise": talk([], 51)[:samples],
        "silence": np.zeros(samples, np.float32),
        "constant": np.full(samples, 0.3, np.float32),
    }[kind]
    check_cover(segment(wave), samples)


def padded_to_units(wave: np.ndarray) -> np.ndarray:
    return np.pad(wave, (0, -len(wave) % SAMPLES_PER_UNIT))


@pytest.mark.parametrize("seconds", [0.01, 3.0, 12.001, 12.02, 13.0, 47.77])
def test_joining_what_was_cut_gives_the_input_again(seconds: float) -> None:
    wave = talk([(k + 0.3, k + 0.7) for k in range(2, 47, 4)], seconds)
    segments = segment(wave)
    whole = padded_to_units(wave)
    joined = np.concatenate(list(crossfade_join(segments, (whole[part.samples] for part in segments))))
    assert joined.shape == whole.shape
    np.testing.assert_allclose(joined, whole, atol=1e-6)


def test_each_piece_fades_into_the_next() -> None:
    """Pieces that are constant, each at another level: the join goes from level to level in a straight line."""
    segments = segment(talk([(5.0, 6.0)], 14.0))
    assert len(segments) == 2
    levels = zip(segments, (1, 3), strict=True)
    waves = [np.full(part.units * SAMPLES_PER_UNIT, level, np.float32) for part, level in levels]
    joined = np.concatenate(list(crossfade_join(segments, iter(waves))))
    overlap = 2 * MARGIN_UNITS * SAMPLES_PER_UNIT
    start = segments[1].first * SAMPLES_PER_UNIT
    assert (joined[:start] == 1).all()
    assert (joined[start + overlap :] == 3).all()
    steps = np.diff(joined[start : start + overlap])
    np.testing.assert_allclose(steps, 2 / overlap, atol=1e-6)


def test_joining_wants_a_wave_for_every_piece() -> None:
    segments = segment(talk([], 14.0))
    with pytest.raises(ValueError, match="shorter"):
        list(crossfade_join(segments, iter([np.zeros(segments[0].samples.stop, np.float32)])))


def test_the_output_is_streamed() -> None:
    """A part is given out before the next one is asked for: an hour never has to be in memory."""
    wave = talk([], 40.0)
    segments, asked = segment(wave), []

    def convert():  # type: ignore[no-untyped-def]
        for part in segments:
            asked.append(part)
            yield wave[part.samples]

    for number, _ in enumerate(crossfade_join(segments, convert()), 1):
        assert len(asked) == number


def test_an_hour_is_cut_in_seconds() -> None:
    minute = talk([(k, k + 0.4) for k in range(5, 60, 6)], 60.0)
    hour = np.tile(minute, 60)
    started = time.process_time()
    segments = segment(hour)
    assert time.process_time() - started < 5
    check_cover(segments, len(hour))
    assert 60 * 60 / MAX_SECONDS <= len(segments) <= 60 * 60 / MIN_SECONDS


def test_further_bounds_fall_in_quiet_places_and_move_near_ones() -> None:
    wave = talk([(5.0, 6.0), (8.9, 9.1)], 14.0)
    segments = segment(wave)
    (bound,) = (part.end for part in segments[:-1])
    assert 200 < bound < 240
    inserted = with_bounds(wave, segments, [9.2])
    check_cover(inserted, len(wave))
    assert [part.end for part in inserted[:1]] == [bound] and 354 <= inserted[1].end <= 366
    moved = with_bounds(wave, segments, [6.8])
    check_cover(moved, len(wave))
    assert len(moved) == 2 and moved[0].end != bound and abs(moved[0].end - 6.8 * 40) <= 16
    assert with_bounds(wave, segments, []) == segments
