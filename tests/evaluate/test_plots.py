"""The picture of source and output: what it shows, and that it appears whole or not at all."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.spectrogram import mel_db
from nuanced_speech.evaluate import plots


def tone(seconds: float, hertz: float = 200.0, amplitude: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * audio.SAMPLE_RATE)) / audio.SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def flat(seconds: float, hertz: float = 200.0) -> np.ndarray:
    return np.full(round(seconds * plots.FRAME_RATE), hertz, dtype=np.float32)


def test_shows_both_with_axes_in_seconds_and_hertz(tmp_path: Path, drawn: list[Figure]) -> None:
    path = tmp_path / "both.png"
    plots.plot_comparison(path, tone(1.0), tone(1.5, 400.0), flat(1.0), flat(1.5, 400.0), title="a.wav to b.wav ($5_$)")
    assert list(tmp_path.iterdir()) == [path]
    pixels = imread(path)
    assert pixels.shape[0] > 1000 and pixels.shape[1] > 1000 and pixels[..., :3].std() > 0.1

    axes = drawn[0].axes
    assert drawn[0].get_suptitle() == "a.wav to b.wav ($5_$)"
    assert [a.get_ylabel() for a in axes] == [
        *["Amplitude", "Frequency (Hz)"] * 2,
        "F0 (Hz)",
        "Level (dBFS)",
    ]
    assert axes[-1].get_xlabel() == "Time (s)" and all(a.get_xlim() == (0, 1.5) for a in axes)
    assert axes[0].get_title("left") == "Source · 1.00 s" and axes[2].get_title("left") == "Output · 1.50 s"
    # The lines of the shared panels: F0 of each, level of each.
    assert [float(line.get_ydata()[40]) for line in axes[4].lines] == [200.0, 400.0]
    assert all(line.get_ydata()[40] == pytest.approx(-13.5, abs=0.1) for line in axes[5].lines)


def test_f0_lies_on_the_harmonic_that_the_spectrogram_shows(tmp_path: Path, drawn: list[Figure]) -> None:
    plots.plot_comparison(tmp_path / "x.png", tone(1.0), tone(1.0, 1000.0), flat(1.0), flat(1.0, 1000.0))
    for axes in (drawn[0].axes[1], drawn[0].axes[3]):
        image = axes.images[0]
        bottom, top = image.get_extent()[2:]
        band = np.argmax(image.get_array()[:, 40])
        height = (top - bottom) / image.get_array().shape[0]
        assert bottom + (band + 0.5) * height == pytest.approx(axes.lines[0].get_ydata()[40], abs=height)


def test_times_of_spectrogram_and_level_are_right() -> None:
    click = np.zeros(audio.SAMPLE_RATE, np.float32)
    click[12000] = 1.0
    assert np.argmax(mel_db(click, audio.SAMPLE_RATE).sum(axis=0)) == 40
    level = plots.level_db(click, audio.SAMPLE_RATE)
    assert len(level) == 80 and set(np.flatnonzero(level > -90)) <= {39, 40, 41} and level[40] > -30


def test_unvoiced_frames_are_gaps(tmp_path: Path, drawn: list[Figure]) -> None:
    f0 = flat(1.0)
    f0[30:50] = 0
    plots.plot_comparison(tmp_path / "x.png", tone(1.0), tone(1.0), f0, flat(1.0))
    for line in (drawn[0].axes[1].lines[0], drawn[0].axes[4].lines[0]):
        np.testing.assert_array_equal(np.flatnonzero(np.isnan(line.get_ydata())), np.arange(30, 50))


def test_long_audio_is_cut_and_the_title_says_so(tmp_path: Path, drawn: list[Figure]) -> None:
    source, f0 = tone(75.0), flat(75.0)
    plots.plot_comparison(tmp_path / "x.png", source, source, f0, f0, title="speech")
    assert drawn[0].get_suptitle() == "speech (first 60 s of 1:15)"
    assert drawn[0].axes[-1].get_xlim() == (0, 60)
    assert drawn[0].axes[1].images[0].get_array().shape[1] == 60 * plots.FRAME_RATE + 1
    assert len(drawn[0].axes[4].lines[0].get_ydata()) == 60 * plots.FRAME_RATE


def test_silent_unvoiced_and_very_short(tmp_path: Path, drawn: list[Figure]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.plot_comparison(tmp_path / "x.png", tone(0.1), np.zeros(2400, np.float32), flat(0.1) * 0, flat(0.1) * 0)
    assert drawn[0].axes[3].images[0].get_array().max() < -50


def test_unwritable_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        plots.plot_comparison(tmp_path / "nowhere" / "x.png", tone(0.2), tone(0.2), flat(0.2), flat(0.2))


def test_failure_leaves_the_old_picture_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"old")

    def half(figure: Figure, target: Path, **options: object) -> None:
        Path(target).write_bytes(b"half a picture")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(KeyboardInterrupt):
        plots.plot_comparison(path, tone(0.2), tone(0.2), flat(0.2), flat(0.2))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
