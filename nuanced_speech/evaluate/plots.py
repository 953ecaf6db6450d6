"""A plot of a source and its output, one above the other: waveform, log-mel spectrogram, F0 and level."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from nuanced_speech.core.constants import FRAME_RATE, SAMPLE_RATE
from nuanced_speech.core.files import replacing
from nuanced_speech.core.plotting import new_figure, require_matplotlib
from nuanced_speech.dsp.mel import hertz_to_mel
from nuanced_speech.dsp.spectrogram import MAX_HZ, mel_db

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_SECONDS = 60.0

_SOURCE_COLOUR = "#0072b2"
_OUTPUT_COLOUR = "#d55e00"
_INK = "#2b2b2b"
_GRID = "#dddddd"
_MEL_RANGE_DB = (-75.0, -10.0)
_LEVEL_RANGE_DB = 60.0
_COLUMNS = 2400
_MEL_TICKS = (100, 300, 600, 1000, 2000, 4000, 8000)
_F0_TICKS = (40, 50, 75, 100, 150, 200, 300, 400, 600, 800)


def plot_comparison(
    path: str | os.PathLike[str],
    source: np.ndarray,
    output: np.ndarray,
    f0_source: np.ndarray,
    f0_output: np.ndarray,
    *,
    title: str = "Source and output",
    sample_rate: int = SAMPLE_RATE,
) -> None:
    """Draw two waveforms [T] and their F0 contours [frames] (80 Hz, in Hz, 0 where unvoiced) into a PNG.

    The panels from top to bottom are waveform and log-mel spectrogram of the source, the same of the output, both F0
    contours, and both levels (RMS of 25 ms in dBFS). All share one time axis in seconds. Only the first MAX_SECONDS are
    drawn; the title tells so. The file appears only when it is complete.

    Raises:
        UserError: the path cannot be written, or matplotlib is not installed.
    """
    seconds = max(len(source), len(output)) / sample_rate
    drawn_seconds = min(seconds, MAX_SECONDS)
    samples, frames = round(drawn_seconds * sample_rate), round(drawn_seconds * FRAME_RATE)
    source, output = source[:samples], output[:samples]
    f0_source, f0_output = f0_source[:frames], f0_output[:frames]
    if seconds > MAX_SECONDS:
        title += f" (first {MAX_SECONDS:.0f} s of {_duration(seconds)})"

    require_matplotlib()
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(h_pad=0.03, hspace=0.0)
    figure = new_figure(figsize=(13, 12), dpi=130, facecolor="white", layout=layout)
    # parse_math, since a file name may hold dollar signs
    figure.suptitle(title, fontsize=15, fontweight="bold", color=_INK, x=0.012, ha="left", parse_math=False)
    rows = figure.subplots(6, 1, sharex=True, gridspec_kw={"height_ratios": [1, 2.3, 1, 2.3, 1.7, 1.2]})

    peak = max(np.abs(source).max(initial=0), np.abs(output).max(initial=0), 1e-3)
    # thinner lines for long audio, so that they do not run together
    width = float(np.clip(15 / drawn_seconds, 0.5, 1.0))
    for (upper, lower), name, wave, f0, colour in (
        (rows[0:2], "Source", source, f0_source, _SOURCE_COLOUR),
        (rows[2:4], "Output", output, f0_output, _OUTPUT_COLOUR),
    ):
        draw_wave(upper, wave, sample_rate, colour, 1.08 * peak)
        upper.set_title(f"{name} · {len(wave) / sample_rate:.2f} s", loc="left", color=colour, fontweight="bold")
        _draw_mel(lower, wave, f0, sample_rate, width)
    _draw_f0(rows[4], f0_source, f0_output, width)
    _draw_level(rows[5], source, output, sample_rate, width)

    for axes in rows:
        axes.spines[["top", "right"]].set_visible(False)
    for axes in rows[:-1]:
        axes.tick_params(bottom=False)
    rows[-1].set_xlim(0, drawn_seconds)
    rows[-1].set_xlabel("Time (s)")
    figure.align_ylabels(rows)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def level_db(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """RMS in dBFS [frames] of the 25 ms around each multiple of 12.5 ms, at least -100."""
    hop = sample_rate // FRAME_RATE
    power = np.concatenate([[0.0], np.cumsum(np.square(wave, dtype=np.float64))])
    centres = np.arange(0, len(wave), hop)
    first, last = np.maximum(centres - hop, 0), np.minimum(centres + hop, len(wave))
    mean = (power[last] - power[first]) / (last - first)
    return 10 * np.log10(np.maximum(mean, 1e-10))


def draw_wave(axes: Axes, wave: np.ndarray, sample_rate: int, colour: str, limit: float, start: float = 0.0) -> None:
    """A waveform [T] as its envelope, between -limit and limit, against seconds from `start` on."""
    # lowest and highest sample of each column, which is cheaper than a line through every sample
    step = max(1, round(len(wave) / _COLUMNS))
    columns = wave[: len(wave) // step * step].reshape(-1, step)
    time = start + np.arange(len(columns)) * step / sample_rate
    axes.fill_between(time, columns.min(axis=1), columns.max(axis=1), color=colour, linewidth=0.4)
    axes.axhline(0, color=colour, linewidth=0.4)
    axes.set_ylim(-limit, limit)
    axes.set_ylabel("Amplitude")


def _draw_mel(axes: Axes, wave: np.ndarray, f0: np.ndarray, sample_rate: int, width: float) -> None:
    from matplotlib.patheffects import withStroke

    mel = mel_db(wave, sample_rate)
    top = float(_mel_scale(MAX_HZ))
    low, high = _MEL_RANGE_DB
    image = axes.imshow(
        mel,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=low,
        vmax=high,
        extent=(-0.5 / FRAME_RATE, (mel.shape[1] - 0.5) / FRAME_RATE, 0, top),
    )
    # beside the axes, so that all panels keep the same width
    bar = axes.figure.colorbar(image, cax=axes.inset_axes((1.008, 0, 0.008, 1)), ticks=[-70, -50, -30, -10])
    bar.set_label("dB from maximum", fontsize=9)
    bar.outline.set_visible(False)
    heights = _mel_scale(_voiced(f0))
    outline = [withStroke(linewidth=2.6 * width, foreground="black")]
    axes.plot(_times(f0), heights, color="#7df9ff", linewidth=1.3 * width, path_effects=outline, label="F0")
    axes.set_ylim(0, top)
    axes.set_yticks(_mel_scale(np.array(_MEL_TICKS, dtype=np.float64)), [str(hz) for hz in _MEL_TICKS])
    axes.set_ylabel("Frequency (Hz)")
    axes.legend(loc="upper right", frameon=False, labelcolor="white", handlelength=1.5)


def _draw_f0(axes: Axes, f0_source: np.ndarray, f0_output: np.ndarray, width: float) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.plot(_times(f0_source), _voiced(f0_source), color=_SOURCE_COLOUR, linewidth=2.6 * width, label="Source")
    axes.plot(_times(f0_output), _voiced(f0_output), color=_OUTPUT_COLOUR, linewidth=1.3 * width, label="Output")
    axes.set_title("Source and output together", loc="left", color=_INK, fontweight="bold")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2, ncols=2, frameon=False)
    # the scale ignores the tracker's few octave errors
    voiced = np.concatenate([f0_source[f0_source > 0], f0_output[f0_output > 0]])
    low, high = np.percentile(voiced, [1, 99]) if len(voiced) else (80.0, 400.0)
    axes.set_yscale("log")
    axes.set_ylim(low / 1.15, high * 1.15)
    axes.yaxis.set_major_locator(FixedLocator(_F0_TICKS))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda hz, _: f"{hz:.0f}"))
    axes.set_ylabel("F0 (Hz)")
    axes.grid(color=_GRID, linewidth=0.6)


def _draw_level(axes: Axes, source: np.ndarray, output: np.ndarray, sample_rate: int, width: float) -> None:
    from matplotlib.ticker import MultipleLocator

    levels = level_db(source, sample_rate), level_db(output, sample_rate)
    axes.plot(_times(levels[0]), levels[0], color=_SOURCE_COLOUR, linewidth=2.2 * width)
    axes.plot(_times(levels[1]), levels[1], color=_OUTPUT_COLOUR, linewidth=1.1 * width)
    top = max(level.max(initial=-60.0) for level in levels) + 4
    axes.set_ylim(top - _LEVEL_RANGE_DB, top)
    axes.yaxis.set_major_locator(MultipleLocator(20))
    axes.set_ylabel("Level (dBFS)")
    axes.grid(color=_GRID, linewidth=0.6)


def _mel_scale(hertz: float | np.ndarray) -> np.ndarray:
    return hertz_to_mel(hertz, "htk")


def _times(contour: np.ndarray) -> np.ndarray:
    return np.arange(len(contour)) / FRAME_RATE


def _voiced(f0: np.ndarray) -> np.ndarray:
    """F0 with NaN, which leaves a gap in the line, in place of 0."""
    return np.where(f0 > 0, f0, np.nan)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
