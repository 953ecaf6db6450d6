"""Measure conversion on a folder of recordings, each in its own voice, beside the plain chain that keeps nothing.

    python benchmarks/conversion.py FOLDER --out outputs/benchmark

Systems: ``direct`` and ``text`` are this project's two paths; ``plain`` is Whisper → text → Kokoro with a stock voice.
Reference for the words is what Whisper base hears in the source. A clip that was measured before is not measured
again, so an interrupted run goes on where it stopped. Prints a markdown table and writes it beside the figures.
"""

import argparse
import json
import os
import platform
import resource
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.progress import track

from nuanced_speech import audio
from nuanced_speech.convert import Converter
from nuanced_speech.evaluate import report

SUFFIXES = {".wav", ".flac", ".ogg", ".mp3"}
SYSTEMS = ("direct", "text", "plain")
STOCK_VOICE = "af_heart"


def convert(
    converter: Converter, system: str, wave: np.ndarray, language: str | None
) -> tuple[np.ndarray, dict[str, float]]:
    """One clip through one system: audio at 24 kHz and seconds by stage."""
    if system != "plain":
        done = converter.convert(wave, path=system, language=language)
        return done.audio, done.seconds
    heard = report.hear(converter.transcriber, wave, language)
    done = converter.convert(wave, STOCK_VOICE, text=heard.text, keep=(), language=language)
    return done.audio, done.seconds


def mean(values: list[float | None]) -> float:
    """Mean of what is there."""
    known = [v for v in values if v is not None and np.isfinite(v)]
    return float(np.mean(known)) if known else float("nan")


def row(system: str, results: list[dict]) -> str:
    """A line of the table; WER is over all words of all clips."""
    words = [max(len(r["source_transcript"].split()), 1) for r in results]
    wer = sum(r["wer"] * n for r, n in zip(results, words, strict=True)) / sum(words)
    rtf = sum(sum(v for k, v in r["stage_seconds"].items() if k != "load") for r in results)
    rtf /= sum(r["source_seconds"] for r in results)
    length = sum(r["output_seconds"] for r in results) / sum(r["source_seconds"] for r in results)
    figures = [mean([r[name] for r in results]) for name in ("f0_correlation", "energy_correlation")]
    secs = mean([r["speaker_similarity"] for r in results])
    cells = [f"{wer:.1%}", *(f"{f:.3f}" for f in figures), f"{mean([r['f0_rmse_cents'] for r in results]):.0f}"]
    cells += [f"{mean([r['voicing_error'] for r in results]):.1%}", f"{secs:.3f}", f"{length:.2f}", f"{rtf:.2f}"]
    return f"| {system} | {len(results)} | " + " | ".join(cells) + " |"


def main() -> None:
    """Convert, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmark"))
    parser.add_argument("--systems", nargs="+", default=SYSTEMS, choices=SYSTEMS)
    parser.add_argument("--limit", type=int, default=None, help="this many clips, evenly spread over the folder")
    parser.add_argument("--language", default=None, help="of the recordings; otherwise Whisper guesses for each clip")
    parser.add_argument("--adapter", type=Path, default=None)
    parser.add_argument("--encoder", type=Path, default=None)
    options = parser.parse_args()
    paths = sorted(p for p in options.folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if options.limit:
        paths = [paths[k] for k in np.linspace(0, len(paths) - 1, options.limit).astype(int)]
    options.out.mkdir(parents=True, exist_ok=True)
    converter = Converter(adapter=options.adapter, encoder=options.encoder)
    table = [
        "| system | clips | WER | log-F0 corr | energy corr | F0 RMSE (cents) | voicing error | SECS to source "
        "| length | RTF |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for system in options.systems:
        results = []
        for path in track(paths, system):
            sheet = options.out / f"{system}-{path.stem}.json"
            if not sheet.exists():
                wave = audio.read(path)
                spoken, seconds = convert(converter, system, wave, options.language)
                audio.write(options.out / f"{system}-{path.stem}.flac", spoken)
                figures, _, _ = report.measure(wave, spoken, converter.transcriber, seconds, language=options.language)
                sheet.write_text(json.dumps(asdict(figures), indent=2, ensure_ascii=False), encoding="utf-8")
            results.append(json.loads(sheet.read_text(encoding="utf-8")))
        table.append(row(system, results))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    table.append(f"\n{platform.machine()}, {os.cpu_count()} cores, peak memory {peak:.1f} GB.")
    (options.out / "table.md").write_text("\n".join(table) + "\n", encoding="utf-8")
    print("\n".join(table))


if __name__ == "__main__":
    main()
