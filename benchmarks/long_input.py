"""Speed and peak memory of one conversion of a long recording, made of a folder's recordings one after the other.

    python benchmarks/long_input.py FOLDER --minutes 10

Runs ``nuanced-speech convert`` in a process of its own, as a user would, once for each path.
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
import soundfile

from nuanced_speech import audio
from nuanced_speech.evaluate.recordings import find_recordings


def long_recording(folder: Path, path: Path, minutes: float) -> None:
    """The folder's recordings in turn, half a second of silence between them, until there is enough."""
    waves = [audio.read(r.path, 16000) for recordings in find_recordings(folder).values() for r in recordings]
    wanted, length = round(minutes * 60 * 16000), 0
    parts: list[np.ndarray] = []
    while length < wanted:
        wave = np.pad(waves[len(parts) % len(waves)], (0, 8000))
        parts.append(wave)
        length += len(wave)
    soundfile.write(path, np.concatenate(parts)[:wanted], 16000)


def main() -> None:
    """Convert, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--paths", nargs="+", default=["direct", "text"], choices=["direct", "text"])
    options = parser.parse_args()
    print("| path | input (min) | seconds, loading included | RTF | peak memory (GB) |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "long.flac"
        long_recording(options.folder, source, options.minutes)
        for path in options.paths:
            command = [sys.executable, "-m", "nuanced_speech", "convert", str(source), str(Path(scratch) / "out.wav")]
            started = time.perf_counter()
            process = subprocess.Popen([*command, "--path", path, "--language", "en"], stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            if status:
                sys.exit(f"conversion failed: try it by hand: nuanced-speech convert {options.folder}/… --path {path}")
            peak = usage.ru_maxrss / 2**20
            print(
                f"| {path} | {options.minutes:g} | {seconds:.0f} | {seconds / 60 / options.minutes:.2f} | {peak:.2f} |"
            )
    print(f"\n{platform.machine()}, {os.cpu_count()} cores.")


if __name__ == "__main__":
    main()
