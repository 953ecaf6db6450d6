"""An archive by Ray on a cluster of nodes on this machine, a worker and a whole node killed in the middle.

    python benchmarks/ray_kill.py [--nodes 2] [--clips 300] [--each 0.2]
    python benchmarks/ray_kill.py --clips 12 --real

Prints what is missing, what differs from the plain loop's outputs, how many conversions were begun more than once, and
the overhead of the engine for each recording. Without ``--real`` the conversion halves the level and takes ``--each``
seconds of sleep, so that the engine is measured and not the machine's processors; with it, recordings are converted on
the direct path.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import tempfile
import time
from collections import Counter
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
from nuanced_speech.convert.manifest import DONE
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.convert.sources import Reader, read_source
from nuanced_speech.scale.making import ConverterMaker
from nuanced_speech.scale.ray_engine import RayEngine
from nuanced_speech.scale.ray_workers import RayConfig

SAMPLE = Path(__file__).parents[1] / "samples" / "huckleberry.flac"
OPTIONS = ConversionOptions(voice="af_heart", path="direct")
# Shares of the recordings that are done when a worker, and a node, are killed.
KILLS = (0.25, 0.5)


def stand_in(each: float, begun: Path) -> Any:
    """Makes a conversion that halves the level and notes the process that began it."""

    def make(reader: Reader) -> Converting:
        def convert(source: Any, options: Any = None, *, output: Any = None, progress: Any = None) -> Conversion:
            with begun.open("a") as file:
                file.write(f"{source.name} {os.getpid()}\n")
            wave = reader(source, None)
            time.sleep(each)
            audio.write(output, wave / 2)
            return Conversion(np.zeros(0, np.float32), wave, "direct", {})

        return convert

    return make


def make_clips(folder: Path, clips: int, seconds: float) -> None:
    """Write clips of a sample's parts into a folder."""
    wave, rate = soundfile.read(SAMPLE)
    length = round(seconds * rate)
    folder.mkdir()
    for number in range(clips):
        begin = (number * rate // 3) % (len(wave) - length)
        soundfile.write(folder / f"{number:04}.wav", wave[begin : begin + length], rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=2, help="Number of nodes, a worker each.")
    parser.add_argument("--clips", type=int, default=300, help="Number of recordings.")
    parser.add_argument("--seconds", type=float, default=1.5, help="Length of each.")
    parser.add_argument("--each", type=float, default=0.2, help="Seconds that a conversion takes.")
    parser.add_argument("--real", action="store_true", help="Conversion by the models.")
    parser.add_argument("--no-kill", action="store_true", help="Measurement of the overhead alone.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, one, many, begun = (Path(name) / part for part in ("in", "one", "many", "begun"))
        make_clips(folder, options.clips, options.seconds)
        maker = ConverterMaker(path="direct") if options.real else stand_in(options.each, begun)
        convert = maker(read_source)
        started = time.perf_counter()
        for _ in convert_archive(convert, jobs_of(folder, one), one, OPTIONS, "x"):
            pass
        plain = (time.perf_counter() - started) / options.clips
        begun.unlink(missing_ok=True)
        node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 << 20}
        cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        others = [cluster.add_node(**node) for _ in range(options.nodes - 1)]
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        first = last = 0.0
        kills = [] if options.no_kill else [round(share * options.clips) for share in KILLS]
        outcomes = RayEngine(maker, RayConfig()).convert_archive(jobs_of(folder, many), many, OPTIONS, "x")
        for done, _ in enumerate(outcomes, 1):
            last = time.perf_counter()
            first = first or last
            if kills and done == kills[0]:
                kills.pop(0)
                if kills and not options.real:
                    os.kill(int(begun.read_text().split()[-1]), signal.SIGKILL)
                    print(f"a worker was killed after {done} recordings", flush=True)
                elif not kills:
                    cluster.remove_node(others[-1], allow_graceful=False)
                    print(f"a node was killed after {done} recordings", flush=True)
        ray.shutdown()
        cluster.shutdown()
        entries = manifests.read(many)
        missing = [name for name, entry in entries.items() if entry.state != DONE]
        differing = [
            path.name
            for path in sorted(one.glob("*.wav"))
            if not (many / path.name).exists()
            or not np.array_equal(soundfile.read(path)[0], soundfile.read(many / path.name)[0])
        ]
        print(f"nodes: {options.nodes}, recordings: {len(entries)}, missing: {len(missing)}, differ: {len(differing)}")
        if begun.exists():
            twice = Counter(line.split()[0] for line in begun.read_text().splitlines())
            print(f"begun more than once: {sum(count > 1 for count in twice.values())}")
        spread = (last - first) / (options.clips - options.nodes) * (1 if not options.no_kill else options.nodes)
        print(f"seconds for a recording: plain loop {plain:.4f}, ", end="")
        if options.no_kill:
            print(f"engine {spread:.4f} of a worker, overhead {spread / plain - 1:+.1%}")
        else:
            print(f"engine {spread:.4f} on the clock, with the kills")


if __name__ == "__main__":
    main()
