"""Plots of recordings: right places, right numbers, whole files."""

from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.figure import Figure
from matplotlib.image import imread
from scipy.signal import lfilter

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.evaluate.recording_plot import COLUMNS, burg, column_power, draw, f0_track, formant_tracks

RATE = audio.SAMPLE_RATE


def vowel(seconds: float, hertz: float = 110.0, resonances: tuple[float, ...] = (700, 1200, 2500)) -> np.ndarray:
    """Pulses through resonances 80 Hz wide."""
    wave = np.zeros(round(seconds * RATE))
    wave[:: round(RATE / hertz)] = 1.0
    for centre in resonances:
        radius = np.exp(-np.pi * 80 / RATE)
        wave = lfilter([1.0], [1, -2 * radius * np.cos(2 * np.pi * centre / RATE), radius**2], wave)
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


def test_a_recording_with_all_panels(clip: Path, tmp_path: Path, drawn: list[Figure]) -> None:
    draw(clip, tmp_path / "a.png", formants=True)
    pixels = imread(tmp_path / "a.png")
    assert pixels.shape[0] > 800 and pixels.shape[1] > 1000 and pixels[..., :3].std() > 0.1
    axes = drawn[0].axes
    assert [a.get_ylabel() for a in axes] == ["Amplitude", "Frequency (Hz)", "Mel band (Hz)", "F0 (Hz)"]
    assert axes[-1].get_xlabel() == "Time (s)"
    assert axes[-1].get_xlim() == (0, pytest.approx(soundfile.info(clip).duration, abs=0.001))
    dots = np.ma.getdata(axes[1].collections[0].get_offsets())
    assert len(dots) > 100 and np.nanmin(dots[:, 1]) > 90 and np.nanmax(dots[:, 1]) < 5500


def test_a_tone_lies_where_its_frequency_is(tmp_path: Path, drawn: list[Figure]) -> None:
    wave = np.concatenate([np.zeros(RATE), 0.3 * np.sin(2 * np.pi * 2000 * np.arange(RATE) / RATE)])
    soundfile.write(tmp_path / "$a$.wav", wave, RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(tmp_path / "$a$.wav", tmp_path / "x.svg", ("mel", "spectrogram"))
    assert drawn[0].get_suptitle() == "$a$.wav"
    for axes, ticks in zip(drawn[0].axes, (True, False), strict=True):
        image = np.asarray(axes.images[0].get_array())
        left, right, bottom, top = axes.images[0].get_extent()
        loud = image.max(0) > -20
        first = left + np.argmax(loud) / image.shape[1] * (right - left)
        assert first == pytest.approx(1.0, abs=0.02) and loud[-3:].all()
        rows = image.shape[0] - 1 if not ticks else image.shape[0]
        height = bottom + image[:, -100].argmax() / rows * (top - bottom)
        ticks_by_name = dict(zip((t.get_text() for t in axes.get_yticklabels()), axes.get_yticks(), strict=True))
        assert height == pytest.approx(ticks_by_name["2000"] if ticks else 2000, rel=0.05)
    svg = (tmp_path / "x.svg").read_bytes()
    assert b"<svg" in svg[:1000]
    draw(tmp_path / "$a$.wav", tmp_path / "x.svg", ("mel", "spectrogram"))
    assert (tmp_path / "x.svg").read_bytes() == svg


def test_burg_finds_the_predictor() -> None:
    rng = np.random.default_rng(0)
    predictor = np.array([-1.2, 0.8, -0.3])
    frames = np.stack([lfilter([1.0], [1, *predictor], rng.standard_normal(4000)) for _ in range(3)])
    np.testing.assert_allclose(burg(frames, 3), np.tile(predictor, (3, 1)), atol=0.05)
    assert np.isfinite(burg(np.zeros((2, 100)), 10)).all()


def test_formants_are_the_resonances() -> None:
    formants = formant_tracks(vowel(1.0), RATE, np.linspace(0.2, 0.8, 20))
    np.testing.assert_allclose(np.nanmedian(formants[:, :3], axis=0), [700, 1200, 2500], rtol=0.06)


def test_f0_of_blocks_is_joined_without_a_gap() -> None:
    hertz = f0_track(np.tile(vowel(1.0, 120.0), 95), RATE)
    assert len(hertz) == 95 * 80
    assert np.median(hertz[60 * 80 - 40 : 60 * 80 + 40]) == pytest.approx(120, rel=0.01)


def test_spectra_of_long_recordings_take_no_more_memory() -> None:
    wave = np.zeros(900 * RATE, np.float32)
    wave[450 * RATE : 451 * RATE] = vowel(1.0)
    tracemalloc.start()
    power = column_power(wave, RATE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert power.shape == (513, COLUMNS) and peak < 100e6
    # a second is 2.7 columns of these
    assert set(np.flatnonzero(power.sum(0) > 0)) <= {1199, 1200, 1201, 1202, 1203}
    assert power[:, 1201].sum() > 0


def test_shortest_silent_ends_and_stretches(clip: Path, tmp_path: Path, drawn: list[Figure]) -> None:
    soundfile.write(tmp_path / "short.wav", vowel(0.1), RATE)
    draw(tmp_path / "short.wav", tmp_path / "a.png", formants=True)
    draw(clip, tmp_path / "b.png", ("f0", "waveform"), start=1.0, end=2.0)
    assert drawn[1].axes[-1].get_xlim() == (1.0, 2.0) and len(drawn[1].axes) == 2
    time = drawn[1].axes[0].lines[0].get_xdata()
    assert time[0] == 1.0 and len(time) == 80


def test_errors_name_parameters(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^panels: unknown panel 'tone'"):
        draw(clip, tmp_path / "a.png", ("tone",))
    with pytest.raises(UserError, match=r"^formants: .* `panels`$"):
        draw(clip, tmp_path / "a.png", ("f0",), formants=True)
