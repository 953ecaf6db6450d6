"""The results of the benchmark as tables and plots."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuanced_speech.core.constants import FRAME_RATE
from nuanced_speech.core.files import replacing
from nuanced_speech.core.plotting import new_figure
from nuanced_speech.evaluate.judge import Result

RESAMPLES = 1000
Statistics = dict[str, dict[str, tuple[float, float, float]]]
Statistic = Callable[[Sequence[Result]], float]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: title of the column.
        format: format specification of its values.
        figure: computes the value of a system from its results.
        better: ``higher`` or ``lower``.
    """

    heading: str
    format: str
    figure: Statistic
    better: str = "higher"


def _pooled(wrong: str, total: str) -> Statistic:
    def rate(results: Sequence[Result]) -> float:
        measured = [r for r in results if getattr(r, total) is not None]
        whole = sum(getattr(r, total) for r in measured)
        return sum(getattr(r, wrong) for r in measured) / whole if whole else float("nan")

    return rate


def _mean(name: str) -> Statistic:
    def mean(results: Sequence[Result]) -> float:
        values = [v for r in results if (v := getattr(r, name)) is not None and np.isfinite(v)]
        return float(np.mean(values)) if values else float("nan")

    return mean


def _normalised(output: str, second: str, stranger: str) -> Statistic:
    """A cosine on a scale from 0 (as another speaker's recording) to 1 (as a second recording of the speaker)."""

    def normalised(results: Sequence[Result]) -> float:
        value, one, zero = (_mean(name)(results) for name in (output, second, stranger))
        return (value - zero) / (one - zero) if one > zero else float("nan")

    return normalised


COLUMNS = (
    Column("WER", ".1%", _pooled("wrong_words", "words"), "lower"),
    Column("CER", ".1%", _pooled("wrong_characters", "characters"), "lower"),
    Column("WER to source transcript", ".1%", _pooled("wrong_source_words", "source_words"), "lower"),
    Column("WER to either transcript", ".1%", _pooled("wrong_either_words", "source_words"), "lower"),
    Column("PER to source", ".1%", _pooled("wrong_phones", "phones"), "lower"),
    Column("CAM++", ".3f", _mean("campplus")),
    Column("normalised CAM++", ".2f", _normalised("campplus", "campplus_second", "campplus_stranger")),
    Column("SECS", ".3f", _mean("secs")),
    Column("normalised SECS", ".2f", _normalised("secs", "second", "stranger")),
    Column("log-F0 corr", ".3f", _mean("f0_correlation")),
    Column("log-F0 corr (Harvest)", ".3f", _mean("second_f0_correlation")),
    Column("F0 RMSE cents", ".0f", _mean("f0_rmse_cents"), "lower"),
    Column("voicing error", ".1%", _mean("voicing_error"), "lower"),
    Column("energy corr", ".3f", _mean("energy_correlation")),
    Column("SIG", ".2f", _mean("sig")),
    Column("BAK", ".2f", _mean("bak")),
    Column("OVRL", ".2f", _mean("ovrl")),
    Column("P.808", ".2f", _mean("p808")),
    Column("Distill-MOS", ".2f", _mean("distill_mos")),
    Column("RTF", ".2f", _pooled("processing_seconds", "source_seconds"), "lower"),
)


def interval(results: Sequence[Result], figure: Statistic, seed: int = 0) -> tuple[float, float]:
    """95 % confidence interval of a figure over clips, by bootstrap (Efron 1979, percentile)."""
    rng = np.random.default_rng(seed)
    drawn = [figure([results[k] for k in rng.integers(len(results), size=len(results))]) for _ in range(RESAMPLES)]
    finite = [value for value in drawn if np.isfinite(value)] or [float("nan")]
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)


def by_system(results: Sequence[Result], own_voice: bool) -> dict[str, list[Result]]:
    """Results in their own voice, or in other voices, by system in order of appearance."""
    chosen: dict[str, list[Result]] = {}
    for result in results:
        if (result.target is None) == own_voice:
            chosen.setdefault(result.system, []).append(result)
    return chosen


def statistics(results: Sequence[Result], own_voice: bool) -> Statistics:
    """Value and ends of the 95 % interval of every column of every system."""
    return {
        system: {column.heading: (column.figure(rows), *interval(rows, column.figure)) for column in COLUMNS}
        for system, rows in by_system(results, own_voice).items()
    }


def markdown(table: Statistics, counts: dict[str, int]) -> str:
    """A row for each system, with its number of clips; ± is half the 95 % interval. Empty without results."""
    if not table:
        return ""
    columns = [c for c in COLUMNS if any(np.isfinite(row[c.heading][0]) for row in table.values())]
    lines = ["| system | clips | " + " | ".join(c.heading for c in columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for system, row in table.items():
        cells = []
        for column in columns:
            value, low, high = row[column.heading]
            if not np.isfinite(value):
                cells.append("–")
                continue
            cells.append(f"{value:{column.format}} ± {(high - low) / 2:{column.format}}")
        lines.append(f"| {system} | {counts[system]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def bars(path: Path, table: Statistics) -> None:
    """Draw a PNG of bars with their 95 % intervals: a panel for each column, a bar for each system."""
    drawn = [c for c in COLUMNS if any(np.isfinite(row[c.heading][0]) for row in table.values())]
    across = 4
    down = -(-len(drawn) // across)
    figure = new_figure(figsize=(4 * across, 2.6 * down), layout="constrained")
    for number, column in enumerate(drawn):
        axes = figure.add_subplot(down, across, number + 1)
        values = np.array([row[column.heading] for row in table.values()])
        middle, low, high = values.T
        error = np.nan_to_num(np.stack([middle - low, high - middle]).clip(min=0))
        axes.barh(list(table), np.nan_to_num(middle), xerr=error, color="#0072b2", ecolor="#2b2b2b", capsize=3)
        axes.invert_yaxis()
        axes.set_title(f"{column.heading} ({column.better} is better)", fontsize=9)
        axes.grid(axis="x", color="#dddddd")
        axes.set_axisbelow(True)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)


def f0_contours(path: Path, contours: dict[str, dict[str, np.ndarray]]) -> None:
    """Draw a PNG of F0 contours ``[frames]`` at 80 Hz: a panel for each recording, a line for each system."""
    figure = new_figure(figsize=(14, 2.8 * len(contours)), layout="constrained")
    for number, (name, curves) in enumerate(contours.items()):
        axes = figure.add_subplot(len(contours), 1, number + 1)
        for system, curve in curves.items():
            voiced = np.where(curve > 0, curve, np.nan)
            black = system == "recording"
            axes.plot(
                np.arange(len(curve)) / FRAME_RATE,
                voiced,
                color="black" if black else None,
                linewidth=2.5 if black else 1.2,
                alpha=0.4 if black else 0.9,
                label=system,
            )
        axes.set_yscale("log")
        axes.set_title(name, fontsize=9)
        axes.set_ylabel("F0 (Hz)")
        axes.legend(fontsize=8, ncols=6)
        axes.grid(color="#dddddd")
    figure.axes[-1].set_xlabel("seconds")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
