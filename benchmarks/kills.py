"""Kills ``say --resume`` and ``convert --resume`` at random moments, and compares what they end with.

    python benchmarks/kills.py --kills 50
    python benchmarks/kills.py --commands say --kills 4 --sentences 3

A command is run once without a break, and then again and again on the same output, each run broken off after a random
time by SIGKILL or SIGTERM, until one comes to its end; then anew, until there have been so many kills. After every
kill the output must be absent, after every end it must be the same to the last byte, with nothing left beside it. The
models are loaded once, by the process that starts the runs (by fork, with one thread).
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# before torch: a process with threads cannot be forked
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.cli import app, speech  # noqa: F401 (imported once, before the forks)
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.journal import work_folder
from nuanced_speech.models import bank
from nuanced_speech.models.decoder import load_decoder
from nuanced_speech.text.g2p import phonemize

SAMPLE = Path(__file__).parents[1] / "samples" / "huckleberry.flac"
SENTENCES = ["Sharks shed teeth.", "We do not.", "Is that so?", "It was a long and quiet evening.", "Nobody came."]
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
# Longer than a run without a break, as a share of it: some runs come to their end.
LONGEST = 1.1


@dataclass
class Figures:
    """What the kills did."""

    kills: dict[str, int] = field(default_factory=lambda: {number.name: 0 for number in SIGNALS})
    ends: int = 0
    faults: list[str] = field(default_factory=list)


def start(arguments: list[str], messages: Path) -> int:
    """The number of a process that runs ``nuanced-speech ARGUMENTS``."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        with messages.open("wb") as file:
            os.dup2(file.fileno(), 2)
        sys.argv = ["nuanced-speech", *arguments]
        app.main()
    except SystemExit as stop:
        status = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def wait(process: int) -> int:
    """The exit status of a process, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def measure(arguments: Callable[[Path], list[str]], kills: int, seed: int) -> Figures:
    """Kill a command, which ``arguments`` gives for an output, so many times.

    Exits when the command fails without a kill.
    """
    random.seed(seed)
    figures = Figures()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        messages, whole, out = folder / "messages", folder / "whole.wav", folder / "out" / "out.wav"
        out.parent.mkdir()
        started = time.perf_counter()
        status = wait(start(arguments(whole), messages))
        if status:
            sys.exit(f"the command fails with status {status}: {messages.read_text()}")
        longest = LONGEST * (time.perf_counter() - started)
        while sum(figures.kills.values()) < kills:
            process = start(arguments(out), messages)
            time.sleep(random.uniform(0, longest))
            number = random.choice(SIGNALS)
            # it may have ended by itself; its number is not given away before it is waited for
            os.kill(process, number)
            status = wait(process)
            said = messages.read_text(errors="replace")
            if "Traceback" in said or status not in (0, 143, -signal.SIGKILL, -signal.SIGTERM):
                figures.faults.append(f"status {status}: {said[-500:]}")
            if status == 0:
                figures.ends += 1
                _compare(out, whole, figures)
            else:
                figures.kills[number.name] += 1
                # the output may be whole already when a kill comes late
                if out.exists() and out.read_bytes() != whole.read_bytes():
                    figures.faults.append("half an output")
        if not out.exists() or work_folder(out).exists():
            status = wait(start(arguments(out), messages))
            figures.ends += 1
            _compare(out, whole, figures)
    return figures


def _compare(out: Path, whole: Path, figures: Figures) -> None:
    left = [path.name for path in out.parent.iterdir() if path != out]
    if left:
        figures.faults.append(f"left behind: {left}")
    if not out.exists() or out.read_bytes() != whole.read_bytes():
        figures.faults.append("another output than without a break")
    out.unlink(missing_ok=True)


def main() -> None:
    """Load the models, kill the commands, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", nargs="+", default=["say", "convert"], choices=["say", "convert"])
    parser.add_argument("--kills", type=int, default=50, help="number of kills of each command")
    parser.add_argument("--sentences", type=int, default=12, help="length of the text")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the recording")
    parser.add_argument("--decoder", default="fast", help="decoder of both commands; fast, so that a run takes seconds")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    models = bank.ModelBank(whisper="tiny.en")
    bank.shared_bank = lambda device: models  # type: ignore[assignment]
    bank.ModelBank = lambda device, whisper: models  # type: ignore[assignment,misc]
    with tempfile.TemporaryDirectory() as name:
        text, recording = Path(name) / "text.txt", Path(name) / "recording.wav"
        paragraphs = [SENTENCES[k % len(SENTENCES)] for k in range(options.sentences)]
        text.write_text("\n\n".join(paragraphs), encoding="utf-8")
        _ = models.kokoro, load_decoder(options.decoder, models)
        phonemize("Ready.")
        if "convert" in options.commands:
            wave = audio.read(SAMPLE)
            copies = -(-round(options.seconds * audio.SAMPLE_RATE) // len(wave))
            audio.write(recording, np.tile(wave, copies)[: round(options.seconds * audio.SAMPLE_RATE)])
            Converter(models).load("direct")
        decoder = ["--decoder", options.decoder]
        commands: dict[str, Callable[[Path], list[str]]] = {
            "say": lambda out: ["say", "--file", str(text), str(out), "--resume", *decoder],
            "convert": lambda out: ["convert", str(recording), str(out), "--path", "direct", "--resume", *decoder],
        }
        print("| command | SIGKILL | SIGTERM | came to an end | faults |")
        print("|---|---|---|---|---|")
        faults = 0
        for command in options.commands:
            figures = measure(commands[command], options.kills, options.seed)
            killed, terminated = (figures.kills[number.name] for number in SIGNALS)
            print(f"| {command} | {killed} | {terminated} | {figures.ends} | {len(figures.faults)} |", flush=True)
            for fault in figures.faults:
                print(f"fault: {fault}", file=sys.stderr)
            faults += len(figures.faults)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
