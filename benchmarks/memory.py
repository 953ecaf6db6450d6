"""Peak memory of ``convert`` and ``say`` by the length of the input.

    python benchmarks/memory.py --minutes 1 10 60
    python benchmarks/memory.py --minutes 0.2 0.5 --commands say

Each command runs in a process of its own, as a user would run it. The recording is the sample, again and again, or one
of ``--recording``; the text is of sentences that take about so long to read. Memory is measured twice a second too, so
that the table has the memory when a tenth of the time was over: where it is flat, both are alike. Standard error gets a
line each minute, so that a measurement that is broken off has its figures.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.train.configs import SENTENCES

SAMPLE = Path(__file__).parents[1] / "samples" / "huckleberry.flac"
CHARACTERS_PER_MINUTE = 900
POLL_SECONDS = 0.5
TELL_SECONDS = 60.0


def long_recording(source: Path, path: Path, minutes: float) -> None:
    """A recording again and again, half a second of silence between."""
    wave = np.pad(audio.read(source), (0, audio.SAMPLE_RATE // 2))
    with audio.AudioWriter(path, comment="") as writer:
        left = round(minutes * 60 * audio.SAMPLE_RATE)
        while left > 0:
            writer.write(wave[:left])
            left -= len(wave)


def long_text(path: Path, minutes: float) -> None:
    """Sentences in paragraphs of six."""
    sentences = [line for line in SENTENCES.read_text(encoding="utf-8").splitlines() if line.strip()]
    text, number = "", 0
    while len(text) < minutes * CHARACTERS_PER_MINUTE:
        text += sentences[number % len(sentences)] + ("\n\n" if number % 6 == 5 else " ")
        number += 1
    path.write_text(text, encoding="utf-8")


def measured(name: str, arguments: list[str]) -> tuple[float, float, float]:
    """Seconds, peak memory and the memory after a tenth of the time (GB) of a command; exits when it fails."""
    started = told = time.perf_counter()
    seen: list[float] = []
    with tempfile.TemporaryFile("w+", errors="replace") as messages:
        process = subprocess.Popen([sys.executable, "-m", "nuanced_speech", *arguments], stderr=messages)
        while True:
            number, status, usage = os.wait4(process.pid, os.WNOHANG)
            if number:
                break
            seen.append(_resident(process.pid))
            if time.perf_counter() - told >= TELL_SECONDS:
                told = time.perf_counter()
                line = f"{name}: {told - started:.0f} s, {seen[-1]:.2f} GB now, {max(seen):.2f} GB at most"
                print(line, file=sys.stderr, flush=True)
            time.sleep(POLL_SECONDS)
        if status:
            messages.seek(0)
            sys.exit(f"failed: nuanced-speech {' '.join(arguments)}\n{messages.read()[-1000:]}")
    seconds = time.perf_counter() - started
    return seconds, usage.ru_maxrss / 2**20, seen[len(seen) // 10] if seen else 0.0


def _resident(process: int) -> float:
    """Memory of a process in GB; 0 where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**30


def main() -> None:
    """Run the commands, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", nargs="+", type=float, default=[1.0, 10.0, 60.0])
    parser.add_argument("--commands", nargs="+", default=["say", "convert"], choices=["say", "convert"])
    parser.add_argument("--recording", type=Path, default=SAMPLE)
    parser.add_argument("--decoder", default="kokoro", help="decoder: kokoro, fast or a file")
    options = parser.parse_args()
    print("| command | input (min) | seconds, loading included | memory after a tenth (GB) | peak memory (GB) |")
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        text, recording, out = (Path(scratch) / name for name in ("text.txt", "long.flac", "out.wav"))
        for command in options.commands:
            for minutes in options.minutes:
                if command == "say":
                    long_text(text, minutes)
                    arguments = ["say", "--file", str(text), str(out), "--resume"]
                else:
                    long_recording(options.recording, recording, minutes)
                    arguments = ["convert", str(recording), str(out), "--path", "direct", "--resume"]
                seconds, peak, early = measured(
                    f"{command}, {minutes:g} min", [*arguments, "--decoder", options.decoder]
                )
                print(f"| {command} | {minutes:g} | {seconds:.0f} | {early:.2f} | {peak:.2f} |", flush=True)
    print(f"\n{platform.machine()}, {os.cpu_count()} cores.")


if __name__ == "__main__":
    main()
