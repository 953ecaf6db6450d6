"""A plot of a recording: waveform, spectrogram, mel spectrogram and F0, with formants on request."""

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nuanced_speech import audio
from nuanced_speech.core.constants import FRAME_RATE, SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.plotting import new_figure
from nuanced_speech.evaluate.plots import draw_wave

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = ("waveform", "spectrogram", "mel", "f0")
FORMATS = (".png", ".svg")
HEIGHTS = {"waveform": 1.0, "spectrogram": 2.2, "mel": 1.8, "f0": 1.4}
"""Relative heights of the panels."""
# Most columns of a spectrogram: those of longer recordings are means of some frames each.
COLUMNS = 2400
_FRAMES_PER_COLUMN = 8
_HOP_SECONDS = 0.005
_WINDOW_SECONDS = 0.025
_N_FFT = 1024
_RANGE_DB = 70.0
_BLOCK_COLUMNS = 128
_F0_BLOCK_SECONDS = 60
_MEL_TICKS = (250, 500, 1000, 2000, 4000, 8000)
# Settings of Praat (Boersma and Weenink) for Burg's method: five formants below 5500 Hz.
_FORMANT_RATE, _FORMANT_ORDER, _FORMANT_WINDOW = 11000, 10, 0.05
_PRE_EMPHASIS_HZ = 50.0
_LOWEST_FORMANT, _WIDEST_FORMANT = 90.0, 400.0


def draw(
    recording: Path,
    out: Path,
    panels: tuple[str, ...] = PANELS,
    formants: bool = False,
    start: float = 0.0,
    end: float | None = None,
    max_hz: float = 8000.0,
) -> None:
    """Draw a recording into a PNG or SVG, which appears only when it is complete.

    Args:
        recording: file of any format that ``audio.read`` reads.
        out: file to write.
        panels: some of ``PANELS``, from top to bottom.
        formants: draw formants on the spectrogram.
        start, end: stretch to draw, seconds; to the end of the recording when ``end`` is None.
        max_hz: upper edge of the spectrogram.

    Raises:
        UserError: as ``audio.read``; a name that is no .png or .svg or cannot be written; an unknown panel; formants
            without a spectrogram; nothing between start and end; matplotlib is not installed.
    """
    _check(out, panels, formants)
    audio.check_replaceable(out)
    wave = audio.read(recording)
    seconds = len(wave) / SAMPLE_RATE
    last = min(end if end is not None else seconds, seconds)
    if last - start < audio.MIN_SECONDS:
        raise UserError(f"nothing to draw from {start:g} s to {last:g} s: {recording} has {seconds:.2f} s")
    wave = wave[round(start * SAMPLE_RATE) : round(last * SAMPLE_RATE)]
    figure = _figure(recording.name, wave, panels, formants, start, last, max_hz)
    from matplotlib import rc_context

    kind = out.suffix.lower()[1:]
    # without date and random names, the same recording gives the same file
    with audio.replacing(out) as temporary, rc_context({"svg.hashsalt": "nuanced-speech"}):
        figure.savefig(temporary, format=kind, metadata={"Date": None} if kind == "svg" else None)


def _check(out: Path, panels: tuple[str, ...], formants: bool) -> None:
    if out.suffix.lower() not in FORMATS:
        raise UserError(f"{out}: the name of a plot ends in {' or '.join(FORMATS)}")
    unknown = [name for name in panels if name not in PANELS]
    if unknown or not panels or len(set(panels)) < len(panels):
        mistake = f"unknown panel {unknown[0]!r}" if unknown else "each panel once, and at least one"
        raise UserError(f"panels: {mistake}; choose from {','.join(PANELS)}")
    if formants and "spectrogram" not in panels:
        raise UserError("formants: they are drawn on the spectrogram; add it to `panels`")


def _figure(
    title: str,
    wave: np.ndarray,
    panels: tuple[str, ...],
    formants: bool,
    start: float,
    end: float,
    max_hz: float,
) -> "Figure":
    """The panels of a stretch ``wave [T]`` that lasts from ``start`` to ``end``, in seconds."""
    ratios = [HEIGHTS[name] for name in panels]
    figure = new_figure(figsize=(13, 1.0 + 2.0 * sum(ratios)), dpi=120, facecolor="white", layout="constrained")
    # parse_math, since a file name may hold dollar signs
    figure.suptitle(title, fontsize=14, fontweight="bold", x=0.01, ha="left", parse_math=False)
    rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": ratios})[:, 0]
    power = column_power(wave, SAMPLE_RATE) if {"spectrogram", "mel"} & set(panels) else None
    f0 = f0_track(wave, SAMPLE_RATE) if formants or "f0" in panels else np.zeros(0, np.float32)
    for axes, name in zip(rows, panels, strict=True):
        if name == "waveform":
            limit = 1.08 * max(float(np.abs(wave).max()), 1e-3)
            draw_wave(axes, wave, SAMPLE_RATE, "#0072b2", limit, start)
        elif name == "spectrogram":
            _draw_spectrogram(axes, power, start, end, SAMPLE_RATE, max_hz)
            if formants:
                _draw_formants(axes, wave, f0, start, SAMPLE_RATE, max_hz)
        elif name == "mel":
            _draw_mel(axes, power, start, end, SAMPLE_RATE)
        else:
            _draw_f0(axes, f0, start)
        axes.spines[["top", "right"]].set_visible(False)
    rows[-1].set_xlim(start, end)
    rows[-1].set_xlabel("Time (s)")
    figure.align_ylabels(rows)
    return figure


def column_power(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """Power spectra ``[513, columns]`` of a waveform ``[T]``, under Hann windows of 25 ms, float32.

    Up to 12 seconds there is a column every 5 ms. Longer recordings have 2400 columns, each the mean of up to eight
    frames, so that memory and work do not grow with the recording.
    """
    columns = min(COLUMNS, max(1, round(len(wave) / sample_rate / _HOP_SECONDS)))
    width = len(wave) / columns
    each = int(np.clip(round(width / (_HOP_SECONDS * sample_rate)), 1, _FRAMES_PER_COLUMN))
    size = round(_WINDOW_SECONDS * sample_rate)
    window = np.hanning(size + 2)[1:-1].astype(np.float32)
    power = np.empty((_N_FFT // 2 + 1, columns), np.float32)
    for begin in range(0, columns, _BLOCK_COLUMNS):
        stop = min(begin + _BLOCK_COLUMNS, columns)
        centres = (np.arange(begin * each, stop * each) + 0.5) / each * width
        firsts = np.round(centres).astype(int) - size // 2
        places = firsts[:, None] + np.arange(size)
        frames = np.where((places >= 0) & (places < len(wave)), wave[np.clip(places, 0, len(wave) - 1)], 0) * window
        spectra = np.abs(np.fft.rfft(frames, _N_FFT, axis=1)) ** 2
        power[:, begin:stop] = spectra.reshape(stop - begin, each, -1).mean(1).T
    return power / window.sum() ** 2


def formant_tracks(wave: np.ndarray, sample_rate: int, times: np.ndarray) -> np.ndarray:
    """Formants in Hz at some times ``[N, 5]``, NaN where there is none.

    They are roots of the linear predictor that Burg's method fits to 50 ms at 11 kHz. Roots below 90 Hz or wider than
    400 Hz are no formants.

    Args:
        wave: ``[T]``.
        sample_rate: Hz.
        times: ``[N]`` in seconds.
    """
    low = audio.resample(wave, sample_rate, _FORMANT_RATE)
    low = np.append(low[:1], low[1:] - np.float32(np.exp(-2 * np.pi * _PRE_EMPHASIS_HZ / _FORMANT_RATE)) * low[:-1])
    size = round(_FORMANT_WINDOW * _FORMANT_RATE)
    window = np.exp(-12 * (np.arange(size) / (size - 1) - 0.5) ** 2)
    formants = np.full((len(times), _FORMANT_ORDER // 2), np.nan)
    padded = np.pad(low, size)
    for begin in range(0, len(times), _BLOCK_COLUMNS):
        part = times[begin : begin + _BLOCK_COLUMNS]
        firsts = np.round(part * _FORMANT_RATE).astype(int) + size - size // 2
        coefficients = burg(padded[firsts[:, None] + np.arange(size)] * window, _FORMANT_ORDER)
        companion = np.zeros((len(part), _FORMANT_ORDER, _FORMANT_ORDER))
        companion[:, 0] = -coefficients
        companion[:, np.arange(1, _FORMANT_ORDER), np.arange(_FORMANT_ORDER - 1)] = 1
        roots = np.linalg.eigvals(companion)
        hertz = np.angle(roots) * _FORMANT_RATE / (2 * np.pi)
        wide = -np.log(np.maximum(np.abs(roots), 1e-12)) * _FORMANT_RATE / np.pi
        ceiling = _FORMANT_RATE / 2 - 50
        kept = (hertz > _LOWEST_FORMANT) & (hertz < ceiling) & (wide < _WIDEST_FORMANT) & (wide > 0)
        ordered = np.sort(np.where(kept, hertz, np.nan), axis=1)
        formants[begin : begin + len(part)] = ordered[:, : _FORMANT_ORDER // 2]
    return formants


def burg(frames: np.ndarray, order: int) -> np.ndarray:
    """Linear predictors ``[N, order]`` of frames ``[N, L]`` (Burg 1975): x[n] + Σ a[k] x[n - k] is small."""
    forward, backward = frames[:, 1:].copy(), frames[:, :-1].copy()
    a = np.zeros((len(frames), 0))
    for _ in range(order):
        energy = np.einsum("ij,ij->i", forward, forward) + np.einsum("ij,ij->i", backward, backward)
        k = -2 * np.einsum("ij,ij->i", forward, backward) / np.maximum(energy, 1e-20)
        a = np.concatenate([a + k[:, None] * a[:, ::-1], k[:, None]], axis=1)
        forward, backward = (
            (forward + k[:, None] * backward)[:, 1:],
            (backward + k[:, None] * forward)[:, :-1],
        )
    return a


def f0_track(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """F0 in Hz ``[frames]`` at 80 Hz, 0 where unvoiced. It is tracked a minute at a time, which bounds the memory."""
    from nuanced_speech.dsp.f0 import f0

    block = _F0_BLOCK_SECONDS * sample_rate
    # a short rest is joined to the block before it, since the tracker needs some length
    edges = [*range(0, max(len(wave) - block // 2, 1), block), len(wave)]
    return np.concatenate([f0(wave[a:b], sample_rate) for a, b in pairwise(edges)])


def _draw_spectrogram(axes: "Axes", power: Any, start: float, end: float, rate: int, max_hz: float) -> None:
    _image(axes, power, (start, end, 0, rate / 2))
    axes.set_ylim(0, max_hz)
    axes.set_ylabel("Frequency (Hz)")


def _draw_mel(axes: "Axes", power: Any, start: float, end: float, rate: int) -> None:
    """The bands of the package's mel spectrogram (``dsp.mel``), in decibels."""
    from nuanced_speech.dsp.mel import MEL, hertz_to_mel, mel_filters

    bank = mel_filters(_N_FFT, MEL.n_mels, rate, MEL.fmin, MEL.fmax)
    top = float(hertz_to_mel(MEL.fmax, "slaney"))
    _image(axes, bank @ power, (start, end, 0, top))
    ticks = hertz_to_mel(np.array(_MEL_TICKS), "slaney")
    axes.set_yticks(ticks, [str(hertz) for hertz in _MEL_TICKS])
    axes.set_ylabel("Mel band (Hz)")


def _image(axes: "Axes", power: np.ndarray, extent: tuple[float, float, float, float]) -> None:
    level = 10 * np.log10(power + 1e-12)
    top = float(level.max())
    image = axes.imshow(
        level - top, origin="lower", aspect="auto", cmap="magma", vmin=-_RANGE_DB, vmax=0, extent=extent,
        interpolation="nearest",
    )  # fmt: skip
    # beside the axes, so that all panels keep the same width
    bar = axes.figure.colorbar(image, cax=axes.inset_axes((1.008, 0, 0.008, 1)), ticks=[-60, -40, -20, 0])
    bar.set_label("dB from maximum", fontsize=9)


def _draw_f0(axes: "Axes", hertz: np.ndarray, start: float) -> None:
    time = start + np.arange(len(hertz)) / FRAME_RATE
    voiced = np.where(hertz > 0, hertz, np.nan)
    step = -(-len(hertz) // (2 * COLUMNS))
    style: dict[str, Any] = {"linewidth": 1.5}
    if step > 1:
        # dots, since a line through many seconds in a column would fill the panel
        style = {"linestyle": "none", "marker": ".", "markersize": 1.5}
        time, voiced = time[::step], voiced[::step]
    axes.plot(time, voiced, color="#d55e00", **style)
    # the scale ignores the tracker's few octave errors
    low, high = np.nanpercentile(voiced, [1, 99]) if np.isfinite(voiced).any() else (80.0, 400.0)
    axes.set_ylim(low / 1.2, high * 1.2)
    axes.set_ylabel("F0 (Hz)")
    axes.grid(color="#dddddd", linewidth=0.6)


def _draw_formants(axes: "Axes", wave: np.ndarray, hertz: np.ndarray, start: float, rate: int, max_hz: float) -> None:
    """Formants of voiced frames, as dots."""
    frames = np.flatnonzero(hertz > 0)
    frames = frames[:: -(-len(frames) // COLUMNS) or 1]
    if len(frames) == 0:
        return
    tracks = formant_tracks(wave, rate, frames / FRAME_RATE)
    times = np.repeat(start + frames / FRAME_RATE, tracks.shape[1])
    axes.scatter(times, tracks.reshape(-1), s=4, color="#56e0ff", linewidths=0, label="formants")
    axes.set_ylim(0, max_hz)
    axes.legend(loc="upper right", frameon=False, labelcolor="white", markerscale=3)
