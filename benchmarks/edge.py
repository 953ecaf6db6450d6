"""Conversion without PyTorch beside the full one, on a small machine: one core, 1 GB of memory.

    python benchmarks/edge.py MODELS [RECORDING] [--full] [--core 0]

MODELS is a folder that ``nuanced-speech export onnx`` wrote. Each system converts the recording to a stock voice in a
process of its own, on one core (sched_setaffinity), the edge one with at most 1 GB of data (RLIMIT_DATA). Prints a
Markdown table: size of what has to be installed, seconds from the start of the process to the end of the first
conversion, seconds of processor time for a second of sound when all is loaded, and the largest memory. Times are of the
processor and of the wall, since other processes may use the machine.
"""

from __future__ import annotations

import argparse
import importlib.metadata as metadata
import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LIMIT = 1 << 30
VOICE = "af_heart"
EDGE_PACKAGES = ("numpy", "onnxruntime", "soundfile")


def child(system: str, models: str, recording: str) -> None:
    """Convert three times and print what was measured as JSON."""
    began = time.perf_counter()
    if system == "edge":
        resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
        from nuanced_speech.edge import EdgeConverter

        edge = EdgeConverter(models, threads=1)

        def convert() -> int:
            return len(edge.convert(recording, VOICE).audio)
    else:
        import torch

        from nuanced_speech.convert.converter import Converter

        torch.set_num_threads(1)
        full = Converter()

        def convert() -> int:
            return len(full.convert(recording, voice=VOICE, path="direct").audio)

    imported = time.perf_counter()
    convert()
    first, cpu = time.perf_counter(), time.process_time()
    start, used = time.perf_counter(), time.process_time()
    seconds = convert() / 24_000
    result = {
        "import": imported - began,
        "first": first - began,
        "first_cpu": cpu,
        "rtf": (time.perf_counter() - start) / seconds,
        "rtf_cpu": (time.process_time() - used) / seconds,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "seconds": seconds,
    }
    print(json.dumps(result))


def measure(system: str, models: Path, recording: Path, core: int) -> dict[str, float]:
    """What ``child`` measures in a process on one core."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, __file__, str(models), str(recording), "--child", system]
    done = subprocess.run(
        command,
        env=os.environ | threads | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def with_requirements(names: tuple[str, ...]) -> set[str]:
    """Installed distributions with all that they need, without extras."""
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = re.split(r"[\s;<>=!~\[(]", waiting.pop())[0].lower().replace("_", "-")
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        if name not in found:
            found.add(name)
            waiting += [need for need in needs if "extra ==" not in need]
    return found


def installed_bytes(names: set[str]) -> int:
    """Bytes of the files of distributions."""
    total = 0
    for name in names:
        for file in metadata.files(name) or []:
            path = Path(str(file.locate()))
            total += path.stat().st_size if path.is_file() else 0
    return total


def folder_bytes(folder: Path, pattern: str = "*") -> int:
    """Bytes of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file())


def sizes(models: Path) -> dict[str, int]:
    """Bytes that have to be on the machine for either system."""
    package = ROOT / "nuanced_speech"
    edge = installed_bytes(with_requirements(EDGE_PACKAGES)) + folder_bytes(models)
    from nuanced_speech.weights import store

    weights = sum(store.path(name).stat().st_size for name in ("kokoro", "whisper-base") if store.path(name).is_file())
    full = installed_bytes(with_requirements(("nuanced-speech",))) + folder_bytes(package) + weights
    return {"edge": edge, "full": full}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, help="Folder of nuanced-speech export onnx.")
    parser.add_argument("recording", type=Path, nargs="?", default=ROOT / "tests" / "data" / "clip.flac")
    parser.add_argument("--full", action="store_true", help="Measure the full conversion too.")
    parser.add_argument("--core", type=int, default=0, help="Number of the processor core.")
    parser.add_argument("--child", choices=("edge", "full"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, str(options.models), str(options.recording))
        return
    size: dict[str, Any] = sizes(options.models)
    print("| system | installed, with weights | import | start to first conversion | RTF, one core | memory |")
    print("|---|---|---|---|---|---|")
    for system in ("edge", "full") if options.full else ("edge",):
        r = measure(system, options.models, options.recording, options.core)
        print(
            f"| {system} | {size[system] / 1e6:.0f} MB | {r['import']:.1f} s | {r['first']:.1f} s "
            f"(processor {r['first_cpu']:.1f} s) | {r['rtf']:.2f} (processor {r['rtf_cpu']:.2f}) "
            f"| {r['memory']:.0f} MB |"
        )


if __name__ == "__main__":
    main()
