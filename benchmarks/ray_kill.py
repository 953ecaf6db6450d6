"""An archive by Ray on a cluster of nodes on this machine, a worker and a whole node killed in the middle.

    python benchmarks/ray_kill.py [--nodes 2] [--clips 300] [--each 0.2]
    python benchmarks/ray_kill.py --seconds 1 --real --decoder fast

Prints what is missing, what differs from the plain loop's outputs, how many conversions were begun more than once, and
the time of the engine for each recording beside the plain loop's. Without ``--real`` the conversion halves the level
and takes ``--each`` seconds of sleep, so that the engine is measured and not the machine's processors; with it,
recordings are converted on the direct path, by the decoder that ``--decoder`` names. Ends with status 1 where something
is missing or differs, or where more is begun again than was under way. The plain loop's figures are printed when it is
done, and those of the engine after each tenth of the recordings, so that a measurement that is broken off has figures.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}

import numpy as np
import ray
import soundfile
from ray.cluster_utils import Cluster

from nuanced_speech import audio
from nuanced_speech.convert import manifest as manifests
from nuanced_speech.convert.archive import Converting, convert_archive, jobs_of
from nuanced_speech.convert.conversion import Conversion
from nuanced_speech.convert.converter_maker import ConverterMaker
from nuanced_speech.convert.manifest import DONE
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.convert.sources import Reader, read_source
from nuanced_speech.core import threads
from nuanced_speech.scale.ray_engine import RayEngine
from nuanced_speech.scale.ray_workers import RayConfig

SAMPLE = Path(__file__).parents[1] / "samples" / "huckleberry.flac"
OPTIONS = ConversionOptions(voice="af_heart", path="direct")
# Shares of the recordings that are done when a worker, and a node, are killed.
KILLS = (0.25, 0.5)
Maker = Callable[[Reader], Converting]


@dataclass(frozen=True)
class Note:
    """A conversion: its recording, the process that did it, and when, in seconds; no end where it broke off."""

    name: str
    process: int
    begin: float
    end: float | None


def halving(each: float) -> Maker:
    """Makes a conversion that halves the level and sleeps ``each`` seconds."""

    def make(reader: Reader) -> Converting:
        def convert(source: Any, options: Any = None, *, output: Any = None, progress: Any = None) -> Conversion:
            wave = reader(source, None)
            time.sleep(each)
            audio.write(output, wave / 2)
            return Conversion(np.zeros(0, np.float32), wave, "direct", {})

        return convert

    return make


def noted(maker: Maker, notes: Path) -> Maker:
    """Makes what ``maker`` makes, and notes in a file when each conversion begins and ends, and in which process."""

    def make(reader: Reader) -> Converting:
        inner = maker(reader)

        def write(source: Any, event: str) -> None:
            with notes.open("a") as file:
                file.write(f"{source.name} {os.getpid()} {event} {time.time()}\n")

        def convert(source: Any, options: Any = None, *, output: Any = None, progress: Any = None) -> Conversion:
            write(source, "begin")
            conversion = inner(source, options, output=output, progress=progress)
            write(source, "end")
            return conversion

        return convert

    return make


def read_notes(path: Path) -> list[Note]:
    """The conversions of a file of notes, in order."""
    begun: list[Note] = []
    for line in path.read_text().splitlines():
        name, process, event, moment = line.split()
        if event == "begin":
            begun.append(Note(name, int(process), float(moment), None))
        else:
            last = max(n for n, note in enumerate(begun) if (note.name, note.process) == (name, int(process)))
            begun[last] = Note(name, int(process), begun[last].begin, float(moment))
    return begun


def between(notes: list[Note]) -> float:
    """Seconds from the end of a conversion to the begin of the next one in the same process: the median."""
    by_process = defaultdict(list)
    for note in notes:
        by_process[note.process].append(note)
    gaps = [b.begin - a.end for several in by_process.values() for a, b in pairwise(several) if a.end]
    return float(np.median(gaps))


def begun_again(notes: list[Note]) -> int:
    """Number of conversions that were begun when they had been begun before."""
    return sum(count - 1 for count in Counter(note.name for note in notes).values())


def duration(notes: list[Note]) -> float:
    """Seconds of a conversion: the median."""
    return float(np.median([note.end - note.begin for note in notes if note.end]))


def make_clips(folder: Path, clips: int, seconds: float) -> None:
    """Write clips of a sample's parts into a folder."""
    wave, rate = soundfile.read(SAMPLE)
    length = round(seconds * rate)
    folder.mkdir()
    for number in range(clips):
        begin = (number * rate // 3) % (len(wave) - length)
        soundfile.write(folder / f"{number:04}.wav", wave[begin : begin + length], rate)


def started(nodes: int, attempts: int = 5) -> tuple[Cluster, list[Any]]:
    """A cluster that this process is connected to, and its nodes but the first. Ray gives each 30 s to start, which a
    busy machine may need more than once."""
    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 << 20}
    for left in reversed(range(attempts)):
        cluster = Cluster()
        try:
            cluster.add_node(**node, include_dashboard=False)
            # before there are others: this process must not be connected to the node that is killed
            ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
            return cluster, [cluster.add_node(**node) for _ in range(nodes - 1)]
        except Exception:
            ray.shutdown()
            cluster.shutdown()
            # a node that did not start leaves its processes behind
            subprocess.run(["pkill", "-KILL", "-P", str(os.getpid())], check=False)
            if not left:
                raise
    raise AssertionError


def run_cluster(maker: Maker, folder: Path, out: Path, notes: Path, nodes: int, kill: bool) -> float:
    """Convert a folder on a cluster, whose worker and node are killed in the middle; seconds from the first to the
    last recording."""
    cluster, others = started(nodes)
    jobs = jobs_of(folder, out)
    kills = [round(share * len(jobs)) for share in KILLS] if kill else []
    moments = []
    for done, _ in enumerate(RayEngine(maker, RayConfig()).convert_archive(jobs, out, OPTIONS, "x"), 1):
        moments.append(time.perf_counter())
        if done * 10 // len(jobs) > (done - 1) * 10 // len(jobs):
            so_far = read_notes(notes)
            spent = f"{moments[-1] - moments[0]:.1f} s, {begun_again(so_far)} begun again"
            print(f"engine: {done} of {len(jobs)} recordings in {spent}", flush=True)
        if not kills or done != kills[0]:
            continue
        kills.pop(0)
        if kills:
            os.kill(read_notes(notes)[-1].process, signal.SIGKILL)
            print(f"a worker was killed after {done} recordings", flush=True)
        else:
            cluster.remove_node(others[-1], allow_graceful=False)
            print(f"a node was killed after {done} recordings", flush=True)
    ray.shutdown()
    cluster.shutdown()
    return moments[-1] - moments[0]


def compare(one: Path, many: Path) -> tuple[int, int, int]:
    """Number of recordings, and of those that are missing and that differ from the plain loop's."""
    entries = manifests.read(many)
    paths = sorted(one.glob("*.wav"))
    missing = [path for path in paths if not (many / path.name).exists()]
    missing += [name for name, entry in entries.items() if entry.state != DONE]  # type: ignore[misc]
    differing = [
        path
        for path in paths
        if (many / path.name).exists()
        and not np.array_equal(soundfile.read(path)[0], soundfile.read(many / path.name)[0])
    ]
    return len(paths), len(missing), len(differing)


def main() -> None:
    """Convert by the plain loop, then by the cluster, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=2, help="Number of nodes, a worker each.")
    parser.add_argument("--clips", type=int, default=300, help="Number of recordings.")
    parser.add_argument("--seconds", type=float, default=1.5, help="Length of each.")
    parser.add_argument("--each", type=float, default=0.2, help="Seconds that a conversion takes.")
    parser.add_argument("--real", action="store_true", help="Conversion by the models.")
    parser.add_argument("--decoder", default="kokoro", help="Decoder of --real: kokoro, fast, or a file.")
    parser.add_argument("--no-kill", action="store_true", help="Measurement of the overhead alone.")
    options = parser.parse_args()
    threads.limit(1)  # as many as a worker has
    with tempfile.TemporaryDirectory() as name:
        folder, one, many, alone, notes = (
            Path(name) / part for part in ("in", "one", "many", "alone.txt", "notes.txt")
        )
        make_clips(folder, options.clips, options.seconds)
        maker: Maker = ConverterMaker(path="direct", decoder=options.decoder) if options.real else halving(options.each)
        for _ in convert_archive(noted(maker, alone)(read_source), jobs_of(folder, one), one, OPTIONS, "x"):
            pass
        plain = read_notes(alone)
        conversion, loop = duration(plain), between(plain)
        print(f"plain loop: a conversion takes {conversion:.4f} s; between two {loop:.4f} s", flush=True)
        spent = run_cluster(noted(maker, notes), folder, many, notes, options.nodes, not options.no_kill)
        engine = read_notes(notes)
        total, missing, differing = compare(one, many)
    twice = begun_again(engine)
    allowed = 0 if options.no_kill else len(KILLS)
    print(f"nodes: {options.nodes}, recordings: {total}, missing: {missing}, differ: {differing}")
    print(f"begun again: {twice}, of {allowed} that may have been under way at the kills")
    pool = between(engine)
    print(f"a conversion takes {conversion:.4f} s; between two, plain loop {loop:.4f} s, engine {pool:.4f} s", end="")
    print(f": overhead {(pool - loop) / (conversion + loop):+.1%}")
    print(f"{options.clips} recordings on the clock: plain loop {plain[-1].end - plain[0].begin:.1f} s", end="")  # type: ignore[operator]
    print(f", engine {spent:.1f} s")
    sys.exit(bool(missing or differing or twice > allowed))


if __name__ == "__main__":
    main()
