"""The tables of a prepared data set, and what there is to know of it: report.md, report.json, report.png."""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nuanced_speech.core.files import replacing
from nuanced_speech.train.board import new_figure
from nuanced_speech.tts import ljspeech
from nuanced_speech.tts.clips import Clip, ClipOutcome, PrepareConfig

REJECTED = "rejected.csv"
# What a voice needs.
WANTED_MINUTES = 30.0
# Phonemes that occur less often are learned badly.
RARE = 20
# No sounds of their own: stress and length.
_MARKS = frozenset("ˈˌː")


def write(config: "PrepareConfig", outcomes: Sequence["ClipOutcome"]) -> None:
    """Write the tables and the report into the data set.

    Raises:
        UserError: the folder cannot be written.
    """
    clips = [clip for outcome in outcomes for clip in outcome.clips]
    ljspeech.write(config.out, (ljspeech.Row(clip.id, clip.text, clip.normalised) for clip in clips))
    with (
        replacing(config.out / REJECTED) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("file", "start", "end", "reason"))
        for outcome in outcomes:
            for rejection in outcome.rejected:
                times = ("" if t is None else f"{t:.2f}" for t in (rejection.start, rejection.end))
                table.writerow((outcome.file, *times, rejection.reason))
    figures = measure(config, outcomes)
    with replacing(config.out / "report.json") as temporary:
        temporary.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    with replacing(config.out / "report.md") as temporary:
        temporary.write_text(markdown(figures), encoding="utf-8", newline="\n")
    draw(config.out / "report.png", clips)


def measure(config: "PrepareConfig", outcomes: Sequence["ClipOutcome"]) -> dict[str, Any]:
    """All figures of the report."""
    clips = [clip for outcome in outcomes for clip in outcome.clips]
    reasons = Counter(rejected.reason.partition(":")[0] for outcome in outcomes for rejected in outcome.rejected)
    minutes = sum(clip.seconds for clip in clips) / 60
    speech = sum(clip.end - clip.start for clip in clips) / 60
    languages = Counter(clip.language for clip in clips)
    return {
        "files": len(outcomes),
        "files_kept": sum(bool(outcome.clips) for outcome in outcomes),
        "clips": len(clips),
        "hours": round(minutes / 60, 4),
        "minutes": round(minutes, 2),
        "speech_minutes": round(speech, 2),
        "wanted_minutes": WANTED_MINUTES,
        "enough": speech >= WANTED_MINUTES,
        "rejected": sum(len(outcome.rejected) for outcome in outcomes),
        "rejected_minutes": round(
            sum((r.end or 0.0) - (r.start or 0.0) for outcome in outcomes for r in outcome.rejected) / 60, 2
        ),
        "reasons": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        "seconds": _spread([clip.seconds for clip in clips]),
        "rate": _spread([clip.rate for clip in clips]),
        "sample_rate": config.sample_rate,
        "languages": dict(sorted(languages.items(), key=lambda item: (-item[1], item[0]))),
        "phonemes": {
            language: coverage([c for c in clips if c.language == language], language) for language in languages
        },
        "notes": [f"{outcome.file}: {note}" for outcome in outcomes for note in outcome.notes],
    }


def coverage(clips: Sequence["Clip"], language: str) -> dict[str, Any]:
    """How often each phoneme of a language is said, which are rare and which are missing.

    Which phonemes a language has is known for (American) English; of the others only those that occur are listed.
    """
    counts = Counter(p for clip in clips for p in clip.phonemes if p.isalpha() and p not in _MARKS)
    inventory: frozenset[str] = frozenset()
    if language == "en":
        from misaki.en import US_VOCAB

        # as Kokoro has them: T is the tap, and the glottal stop is a t
        inventory = US_VOCAB - _MARKS - {"ɾ", "ʔ"} | {"T", "ɐ"}
    return {
        "counts": dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        "inventory": len(inventory) or None,
        "missing": sorted(inventory - set(counts)),
        "rare": sorted(p for p, count in counts.items() if count < RARE),
    }


def markdown(figures: dict[str, Any]) -> str:
    """The report in words."""
    enough = (
        f"That is enough for a voice ({WANTED_MINUTES:.0f} minutes)."
        if figures["enough"]
        else f"A voice needs {WANTED_MINUTES:.0f} minutes of speech: "
        f"{WANTED_MINUTES - figures['speech_minutes']:.1f} more are wanted."
    )
    lines = [
        "# Data set",
        "",
        f"{figures['clips']} clips, {figures['hours']:.2f} hours ({figures['minutes']:.1f} minutes, of which "
        f"{figures['speech_minutes']:.1f} are speech), from {figures['files_kept']} of {figures['files']} files. "
        + enough,
        "",
        "![Lengths and rates](report.png)",
        "",
    ]
    if figures["clips"]:
        lines += ["| | shortest | 5 % | median | 95 % | longest |", "|---|---|---|---|---|---|"]
        for name, key in (("clip, seconds", "seconds"), ("phonemes a second", "rate")):
            lines.append(f"| {name} | " + " | ".join(f"{value:.1f}" for value in figures[key].values()) + " |")
        lines.append("")
    lines += [f"## Set aside: {figures['rejected']} ({figures['rejected_minutes']:.1f} minutes; see {REJECTED})", ""]
    lines += [f"- {count} × {reason}" for reason, count in figures["reasons"].items()] + [""] * bool(figures["reasons"])
    for language, covered in figures["phonemes"].items():
        lines += [f"## Phonemes of {language}", ""]
        if not covered["counts"]:
            lines += ["There are no phonemes for this language here; rates are in letters a second.", ""]
            continue
        inventory = covered["inventory"]
        of = f" of {inventory}" if inventory else ""
        lines.append(f"{len(covered['counts'])}{of} occur. How often: ")
        lines[-1] += ", ".join(f"{p} {count}" for p, count in covered["counts"].items()) + "."
        if covered["missing"]:
            lines.append(f"Missing: {' '.join(covered['missing'])}.")
        if covered["rare"]:
            lines.append(f"Fewer than {RARE} times: {' '.join(covered['rare'])}.")
        lines.append("")
    if len(figures["languages"]) > 1:
        languages = ", ".join(f"{language} ({count} clips)" for language, count in figures["languages"].items())
        lines += [
            f"More than one language was found: {languages}. If there is one only, set its `language`.",
            "",
        ]
    if figures["notes"]:
        lines += ["## Notes", "", *(f"- {note}" for note in figures["notes"]), ""]
    return "\n".join(lines)


def draw(path: Path, clips: Sequence["Clip"]) -> None:
    """Histograms of clip lengths and speaking rates.

    Raises:
        UserError: Matplotlib is not installed.
    """
    figure = new_figure(figsize=(11, 4), dpi=110, layout="constrained")
    for axes, values, label, step in (
        (figure.add_subplot(1, 2, 1), [clip.seconds for clip in clips], "Length of a clip (s)", 0.5),
        (figure.add_subplot(1, 2, 2), [clip.rate for clip in clips], "Phonemes a second", 0.5),
    ):
        low, high = (np.floor(min(values)), np.ceil(max(values))) if values else (0.0, 1.0)
        axes.hist(
            values,
            bins=np.arange(low, high + 1.5 * step, step).tolist(),
            color="#0072b2",
            edgecolor="white",
            linewidth=0.5,
        )
        axes.set_xlabel(label)
        axes.set_ylabel("Clips")
        axes.spines[["top", "right"]].set_visible(False)
        if values:
            middle = float(np.median(values))
            axes.axvline(middle, color="#d55e00", linewidth=1.5)
            axes.set_title(f"median {middle:.1f}", loc="right", color="#d55e00", fontsize=10)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def _spread(values: Sequence[float]) -> dict[str, float]:
    names = ("min", "p5", "median", "p95", "max")
    values_at = np.percentile(values, (0, 5, 50, 95, 100)) if len(values) else np.zeros(5)
    return {name: round(float(value), 2) for name, value in zip(names, values_at, strict=True)}
