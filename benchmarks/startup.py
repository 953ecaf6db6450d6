"""Start-up of the command line: --help of every command, a short conversion, and the first audio of a sentence.

    python benchmarks/startup.py [--repeats 3] [--warm-ups 1] [CHECKOUT ...]

Every figure is a median, and every run is a process of its own. The conversion is of two seconds and includes loading;
``say`` is timed to the first byte of audio that follows the WAV header on its standard output. One run before the
measured ones fills the caches. With two checkouts, their runs take turns, so that other work on the machine disturbs
both alike. Prints a Markdown table; processor seconds are those of all threads, and the last column of a checkout has
them as multiples of those of ``import torch``. Python without any import and ``import torch`` come first.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import soundfile

ROOT = Path(__file__).resolve().parents[1]
CLIP = ROOT / "tests" / "data" / "clip.flac"
CLIP_START, CLIP_SECONDS = 0.5, 2.0
# Jobs to compare with.
EMPTY, TORCH = "python -c pass", "import torch"
SENTENCE = "The first sound of this sentence is what counts."
# Prints the commands of a checkout, one a line.
LIST_COMMANDS = """
import typer
from nuanced_speech.cli import app
app = app.make_app() if hasattr(app, "make_app") else getattr(app, "app", app)
def walk(command, path):
    print(" ".join(path))
    for name, child in getattr(command, "commands", {}).items():
        walk(child, [*path, name])
walk(typer.main.get_command(app), [])
"""


@dataclass(frozen=True)
class Cost:
    """Seconds of one run by the clock and of all processors."""

    wall: float
    processor: float


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "nuanced_speech", *arguments]


def environment(checkout: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(checkout), "HF_HUB_OFFLINE": "1"}


def timed(run: Callable[[], float | None]) -> Cost:
    """The cost of child processes that ``run`` starts; a time that it returns stands for that by the clock."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    own = run()
    wall = time.perf_counter() - started if own is None else own
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def complete(arguments: list[str], checkout: Path) -> None:
    """Run a command to its end.

    Raises:
        SystemExit: it failed; with what it said.
    """
    ended = subprocess.run(arguments, env=environment(checkout), cwd=checkout, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(f"{' '.join(arguments)} in {checkout} failed:\n{ended.stderr}")


def first_audio(checkout: Path) -> float:
    """Seconds from the start of ``say`` to its first byte of audio; the command then runs to its end."""
    started = time.perf_counter()
    with subprocess.Popen(
        command("say", SENTENCE, "-"), env=environment(checkout), cwd=checkout, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        received, seconds = b"", None
        while block := os.read(process.stdout.fileno(), 1 << 16):
            received += block
            header = received.find(b"data") + 8
            if seconds is None and header >= 8 and len(received) > header:
                seconds = time.perf_counter() - started
    if process.returncode or seconds is None:
        raise SystemExit(f"say in {checkout} failed")
    return seconds


def jobs(checkout: Path, clip: Path, converted: Path) -> dict[str, Callable[[], float | None]]:
    """What is timed in a checkout, by name."""
    listed = subprocess.run(
        [sys.executable, "-c", LIST_COMMANDS], env=environment(checkout), cwd=checkout, capture_output=True, text=True
    )
    if listed.returncode:
        raise SystemExit(listed.stderr)

    def show_help(path: str) -> Callable[[], None]:
        return lambda: complete(command(*path.split(), "--help"), checkout)

    found: dict[str, Callable[[], float | None]] = {
        name: lambda code=code: complete([sys.executable, "-c", code], checkout)  # type: ignore[misc]
        for name, code in ((EMPTY, "pass"), (TORCH, TORCH))
    }
    found |= {f"{path} --help".strip(): show_help(path) for path in listed.stdout.splitlines()}
    found["convert, two seconds"] = lambda: complete(command("convert", str(clip), str(converted)), checkout)
    found["say, first audio"] = lambda: first_audio(checkout)
    return found


def measure(checkouts: list[Path], repeats: int, warm_ups: int, only: str) -> dict[str, list[Cost | None]]:
    """Median costs by job, one for each checkout; none where a checkout has no such job."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.wav"
        wave, rate = soundfile.read(CLIP)
        start = round(CLIP_START * rate)
        soundfile.write(clip, wave[start : start + round(CLIP_SECONDS * rate)], rate)
        tables = [jobs(checkout, clip, Path(folder) / "out.wav") for checkout in checkouts]
        every = dict.fromkeys(name for table in tables for name in table)
        names = [name for name in every if only in name or name in (EMPTY, TORCH)]
        costs: dict[str, list[Cost | None]] = {}
        for name in names:
            runs: list[list[Cost]] = [[] for _ in checkouts]
            for repeat in range(-warm_ups, repeats):
                for table, measured in zip(tables, runs, strict=True):
                    if name in table:
                        cost = timed(table[name])
                        measured.extend([cost] if repeat >= 0 else [])
            costs[name] = [
                Cost(median(run.wall for run in own), median(run.processor for run in own)) if own else None
                for own in runs
            ]
            print(name, file=sys.stderr)
    return costs


def markdown(costs: dict[str, list[Cost | None]], checkouts: list[Path]) -> str:
    kinds = ("s", "processor s", "× torch")
    heads = [f"{checkout.name}, {kind}" for checkout in checkouts for kind in kinds]
    unit = [cost.processor if cost else float("nan") for cost in costs[TORCH]]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (1 + len(heads)) + "|"]
    for name, row in costs.items():
        cells = [
            f"{cost.wall:.2f} | {cost.processor:.2f} | {cost.processor / one:.2f}" if cost else "– | – | –"
            for cost, one in zip(row, unit, strict=True)
        ]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Start-up times of one or two checkouts.")
    parser.add_argument("checkouts", nargs="*", type=Path, default=[ROOT], help="Folders of the checkouts.")
    parser.add_argument("--repeats", type=int, default=3, help="Number of measured runs.")
    parser.add_argument("--warm-ups", type=int, default=1, help="Number of runs before, which fill the caches.")
    parser.add_argument("--only", default="", metavar="TEXT", help="Measure only jobs with this text in their names.")
    options = parser.parse_args()
    checkouts = [checkout.resolve() for checkout in options.checkouts]
    print(markdown(measure(checkouts, options.repeats, options.warm_ups, options.only), checkouts))


if __name__ == "__main__":
    main()
