"""Where the conversion of a large archive stops to gain from more GPUs, simulated from costs that are measured here.

    python benchmarks/scale_simulation.py [--hours 10000] [--minutes 5] [--speed 100] [--gpus 1 10 50 100 200 400]

Measured on this machine: reading and resampling a FLAC file, writing the output, a line of the manifest with its
``fsync``. Given by options: how many times as fast as real time a worker converts (measure it by
``benchmarks/throughput.py`` on the GPU in question), the time of one task of Ray, the start of a worker, the bandwidth
of the shared storage, processors for readers beside each GPU.

The simulation gives every recording, in order, to the first free worker. It waits for its samples, which a reader's
processor and the storage deliver, and its end waits for the one process that writes the manifest.
"""

from __future__ import annotations

import argparse
import heapq
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

SAMPLE = Path(__file__).parents[1] / "samples" / "huckleberry.flac"


@dataclass(frozen=True)
class Costs:
    """Costs of the parts.

    Attributes:
        read, write: seconds of a processor for a second of sound.
        line: seconds of the one process that writes the manifest, for each recording.
        task: seconds of that process to give a recording to a worker.
        speed: seconds of sound that a worker converts in a second.
        start: seconds until a worker's models are loaded.
        bandwidth: bytes that the shared storage gives and takes in a second.
        rate: bytes of a second of sound, read and written.
    """

    read: float
    write: float
    line: float
    task: float
    speed: float
    start: float
    bandwidth: float
    rate: float


@dataclass(frozen=True)
class Run:
    """A simulated conversion: hours on the clock, GPU hours paid, the share of work in them, and what bounds it."""

    hours: float
    gpu_hours: float
    busy: float
    limit: str


def measured(rounds: int) -> tuple[float, float, float, float]:
    """Seconds to read and to write a second of sound, seconds for a line of the manifest, and bytes for a second."""
    from nuanced_speech import audio
    from nuanced_speech.convert.manifest import Entry, Manifest

    reads, writes, lines = [], [], []
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out.flac"
        with Manifest(Path(name)) as manifest:
            for number in range(rounds + 1):
                started = time.process_time()
                wave = audio.read(SAMPLE)
                reads.append(time.process_time() - started)
                started = time.process_time()
                audio.write(out, wave)
                writes.append(time.process_time() - started)
                started = time.perf_counter()
                manifest.add(Entry(f"{number}.wav", f"{number}.flac", sha256="0" * 64))
                lines.append(time.perf_counter() - started)
        seconds = len(wave) / audio.SAMPLE_RATE
        stored = SAMPLE.stat().st_size + out.stat().st_size
    return median(reads[1:]) / seconds, median(writes[1:]) / seconds, median(lines[1:]), stored / seconds


def simulate(lengths: np.ndarray, gpus: int, readers: int, costs: Costs) -> Run:
    """Convert recordings of ``lengths [N]`` seconds by so many GPUs, with so many reading processors beside each."""
    free = [costs.start] * gpus
    reading = [0.0] * (gpus * readers)
    driver = storage = worked = 0.0
    end = 0.0
    for seconds in lengths:
        # a recording is read ahead of the worker, by the first free processor, when the storage has delivered it
        begin = heapq.heappop(reading)
        storage = max(storage, begin) + seconds * costs.rate / costs.bandwidth
        there = max(storage, begin + seconds * costs.read)
        heapq.heappush(reading, there)
        worker = heapq.heappop(free)
        driver = max(driver + costs.task + costs.line, worker)
        spent = seconds * (1 / costs.speed + costs.write)
        done = max(driver, there) + spent
        worked += spent
        heapq.heappush(free, done)
        end = max(end, done)
    limits = {
        "GPUs": worked / gpus,
        "manifest and tasks": len(lengths) * (costs.task + costs.line),
        "storage": float(lengths.sum()) * costs.rate / costs.bandwidth,
        "readers": float(lengths.sum()) * costs.read / (gpus * readers),
        "the longest recording": float(lengths.max()) / costs.speed + costs.start,
    }
    return Run(end / 3600, gpus * end / 3600, worked / (gpus * end), max(limits, key=lambda name: limits[name]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=10_000, help="Hours of sound.")
    parser.add_argument("--minutes", type=float, default=5.0, help="Median length of a recording, minutes.")
    parser.add_argument("--spread", type=float, default=1.0, help="Standard deviation of the logarithm of the lengths.")
    parser.add_argument("--speed", type=float, default=100.0, help="Times real time of one worker (an assumption).")
    parser.add_argument("--task", type=float, default=0.002, help="Seconds of the sending process for one task.")
    parser.add_argument("--start", type=float, default=20.0, help="Seconds until a worker's models are loaded.")
    parser.add_argument("--bandwidth", type=float, default=1e9, help="Bytes of the shared storage in a second.")
    parser.add_argument("--readers", type=int, default=4, help="Processors for readers beside each GPU.")
    parser.add_argument("--price", type=float, default=2.0, help="Price of a GPU hour.")
    parser.add_argument("--gpus", nargs="+", type=int, default=[1, 10, 50, 100, 200, 400, 800], help="GPUs.")
    options = parser.parse_args()
    read, write, line, rate = measured(10)
    costs = Costs(
        read, write, line, options.task, options.speed, options.start, options.bandwidth, rate
    )  # fmt: skip
    print(f"read {1000 * read:.2f} ms and write {1000 * write:.2f} ms for a second of sound, ", end="")
    print(f"{1000 * line:.1f} ms for a line of the manifest, {rate / 1000:.0f} kB for a second\n")
    rng = np.random.default_rng(0)
    mean = 60 * options.minutes * np.exp(options.spread**2 / 2)
    lengths = 60 * options.minutes * rng.lognormal(0, options.spread, round(3600 * options.hours / mean))
    lengths *= 3600 * options.hours / lengths.sum()
    print(f"{len(lengths)} recordings, the longest {lengths.max() / 3600:.1f} h, {options.speed:g} x real time\n")
    print("| GPUs | hours | GPUs at work | price | limited by |\n|---|---|---|---|---|")
    for gpus in options.gpus:
        run = simulate(lengths, gpus, options.readers, costs)
        price = options.price * run.gpu_hours
        print(f"| {gpus} | {run.hours:.2f} | {run.busy:.0%} | {price:.0f} | {run.limit} |", flush=True)


if __name__ == "__main__":
    main()
