"""Archives by Ray: the outputs of one process, on a real cluster of two nodes; what is poisoned fails alone, and a node
that is killed loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
import torch
from threadpoolctl import threadpool_limits

from nuanced_speech import audio
from nuanced_speech.cli.archive import ArchiveEngine
from nuanced_speech.convert import manifest as manifests
from nuanced_speech.convert.archive import ArchiveJob, convert_archive, jobs_of
from nuanced_speech.convert.conversion import Conversion
from nuanced_speech.convert.manifest import DONE, FAILED, PENDING, Entry
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.convert.sources import HandedOver
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import sha256

if TYPE_CHECKING:
    from helpers import Ended

    from nuanced_speech.convert.converter import Converter

ray = pytest.importorskip("ray", reason="the extra ray is not installed")

from nuanced_speech.convert.converter_maker import ConverterMaker  # noqa: E402
from nuanced_speech.core.surroundings import Surroundings  # noqa: E402
from nuanced_speech.scale.ray_engine import RayEngine, workers_in  # noqa: E402 (it imports Ray)
from nuanced_speech.scale.ray_pool import Pool, Task, _Read  # noqa: E402
from nuanced_speech.scale.ray_workers import RayConfig, read  # noqa: E402

OPTIONS = ConversionOptions(voice="af_heart", path="direct")


def _started(attempts: int = 4) -> Any:
    """A cluster of two nodes. Ray gives each 30 s to start, which a busy machine may need more than once."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 << 20}
    for left in reversed(range(attempts)):
        nodes = Cluster()
        try:
            nodes.add_node(**node, include_dashboard=False)
            nodes.add_node(**node)
            return nodes
        except Exception:
            nodes.shutdown()
            if not left:
                raise


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with a processor each."""
    ending = signal.getsignal(signal.SIGTERM)
    # what the nodes inherit
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    nodes = _started()
    ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
    yield nodes
    ray.shutdown()
    nodes.shutdown()
    # Ray leaves a handler of its own
    signal.signal(signal.SIGTERM, ending)


@pytest.fixture
def folder(tmp_path: Path, clip: Path) -> Path:
    """Three recordings of a second and a half, and one that is none."""
    wave, rate = soundfile.read(clip)
    step = int(1.5 * rate)
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for number, name in enumerate(("a.wav", "b.flac", "deep/c.wav")):
        soundfile.write(tmp_path / "in" / name, wave[number * step : (number + 1) * step], rate)
    (tmp_path / "in" / "bad.wav").write_text("no audio")
    return tmp_path / "in"


@pytest.mark.slow
def test_two_nodes_make_what_one_process_makes(cluster: Any, folder: Path, tmp_path: Path, quick: Converter) -> None:
    one, many, threads = tmp_path / "one", tmp_path / "many", torch.get_num_threads()
    torch.set_num_threads(1)  # as many as a worker has
    try:
        # and NumPy's, which were set when it was loaded: their number changes the last bits
        with threadpool_limits(1):
            [*convert_archive(quick.convert, jobs_of(folder, one), one, OPTIONS, "x")]
    finally:
        torch.set_num_threads(threads)
    make = ConverterMaker(whisper="tiny.en", path="direct", decoder="fast")
    engine = RayEngine(make)
    outcomes = [*engine.convert_archive(jobs_of(folder, many), many, OPTIONS, "x")]
    assert {o.job.name for o in outcomes if o.conversion} == {"a.wav", "b.flac", "deep/c.wav"}
    for name in ("a.wav", "b.wav", "deep/c.wav"):
        (expected, _), (made, _) = soundfile.read(one / name), soundfile.read(many / name)
        np.testing.assert_array_equal(made, expected)
    before, after = manifests.read(one), manifests.read(many)
    assert after["bad.wav"].state == FAILED and "not audio" in after["bad.wav"].reason
    assert {n: (e.state, e.reason, e.sha256, e.seconds) for n, e in after.items()} == {
        n: (e.state, e.reason, e.sha256, e.seconds) for n, e in before.items()
    }
    # nothing is done twice, and no worker is started for nothing
    assert [o.conversion for o in engine.convert_archive(jobs_of(folder, many)[:1], many, OPTIONS, "x")] == [None]
    # several in each worker, by a decoder that makes batches
    engine = RayEngine(replace(make, batch_seconds=30), RayConfig(workers=1, jobs=3, batch_seconds=30))
    outcomes = [*engine.convert_archive(jobs_of(folder, tmp_path / "joined"), tmp_path / "joined", OPTIONS, "x")]
    assert sum(o.conversion is not None for o in outcomes) == 3
    for name in ("a.wav", "b.wav", "deep/c.wav"):
        (expected, _), (made, _) = soundfile.read(one / name), soundfile.read(tmp_path / "joined" / name)
        # within what batches may change, and the effects after them amplify
        np.testing.assert_allclose(made, expected, atol=1e-3)


def halving(work: Callable[[Path], None]) -> Callable[[Callable[..., np.ndarray]], Callable[..., Conversion]]:
    """Makes a stand-in for conversion: ``work``, and half the level."""

    def make(reader: Callable[..., np.ndarray]) -> Callable[..., Conversion]:
        def convert(source, options, *, output, progress=None) -> Conversion:
            work(source)
            wave = reader(source, None)
            audio.write(output, wave / 2)
            return Conversion(np.zeros(0, np.float32), wave, "direct", {})

        return convert

    return make


def waiting_for(notes: Path) -> Callable[[str], None]:
    """Waits until a file has a line; made here, since workers cannot import this module."""

    def wait(line: str) -> None:
        end = time.monotonic() + 60
        while line not in notes.read_text().splitlines() and time.monotonic() < end:
            time.sleep(0.02)

    return wait


@pytest.mark.slow
def test_a_recording_that_kills_its_workers_fails_alone(cluster: Any, folder: Path, tmp_path: Path) -> None:
    """Even where a worker has two at the same time."""
    shutil.copy(folder / "a.wav", folder / "deadly.wav")
    notes = tmp_path / "notes"
    wait, together = waiting_for(notes), {"a.wav": "b.flac", "b.flac": "a.wav", "deadly.wav": "c.wav"}

    def work(source: Path) -> None:
        with notes.open("a") as file:
            file.write(f"{source.name}\n")
        if source.name in together:
            wait(together[source.name])
        if source.name == "deadly.wav":
            os._exit(1)
        if source.name == "c.wav" and notes.read_text().splitlines().count("c.wav") == 1:
            time.sleep(60)

    engine = RayEngine(halving(work), RayConfig(workers=1, jobs=2, attempts=2))
    [*engine.convert_archive(jobs_of(folder, tmp_path / "out"), tmp_path / "out", OPTIONS, "x")]
    entries = manifests.read(tmp_path / "out")
    assert {name for name, entry in entries.items() if entry.state == DONE} == {"a.wav", "b.flac", "deep/c.wav"}
    assert entries["deadly.wav"].reason.startswith("broken off 2 times")
    # once with another, which counts for neither, then twice by itself
    assert Counter(notes.read_text().split()) == {"a.wav": 1, "b.flac": 1, "c.wav": 2, "deadly.wav": 3}


@pytest.mark.slow
def test_a_node_that_is_killed_loses_nothing(cluster: Any, folder: Path, tmp_path: Path) -> None:
    """A third node, whose worker has a recording under way."""
    for number in range(3):
        shutil.copy(folder / "a.wav", folder / f"more{number}.wav")
    third, notes = cluster.add_node(num_cpus=1, object_store_memory=80 << 20), tmp_path / "notes"
    cluster.wait_for_nodes()
    wait, doomed = waiting_for(notes), third.node_id

    def work(source: Path) -> None:
        node = ray.get_runtime_context().get_node_id()
        with notes.open("a") as file:
            file.write(f"{source.name}\n{node}\n")
        wait(doomed)
        if node == doomed:
            time.sleep(60)

    out, states = tmp_path / "out", []
    for outcome in RayEngine(halving(work), RayConfig()).convert_archive(jobs_of(folder, out), out, OPTIONS, "x"):
        if DONE not in states and outcome.entry.state == DONE:
            cluster.remove_node(third, allow_graceful=False)
        states.append(outcome.entry.state)
    assert Counter(states) == {DONE: 6, FAILED: 1}
    begun = Counter(notes.read_text().split())
    assert sum(count for name, count in begun.items() if "." in name) == 7 and begun[doomed] == 1
    for path in folder.rglob("*.wav"):
        if path.name != "bad.wav":
            np.testing.assert_allclose(audio.read(out / path.relative_to(folder)), audio.read(path) / 2, atol=1e-4)


@pytest.mark.slow
def test_a_cluster_without_room_says_so(cluster: Any) -> None:
    # a node that another test killed counts until the cluster has noticed
    cluster.wait_for_nodes(120)
    assert workers_in(RayConfig()) == 2 and workers_in(RayConfig(workers=1)) == 1
    with pytest.raises(UserError, match="the cluster has 0 GPU, and a worker wants 0.5"):
        workers_in(RayConfig(gpus=0.5))


def test_samples_that_were_handed_over_are_taken_once(clip: Path) -> None:
    reader = HandedOver()
    other, samples = clip.with_name("other.wav"), np.ones(3, np.float32)
    with reader.put(clip, None, samples), reader.put(other, None, 2 * samples):
        assert len(reader(clip, 1)) > 3
        assert reader(clip, None).tolist() == [1, 1, 1]
        assert len(reader(clip, None)) > 3
        assert reader(other, None).tolist() == [2, 2, 2]
    # what was not taken does not stay
    with reader.put(clip, None, samples):
        pass
    assert len(reader(clip, None)) > 3


def test_readers_note_what_a_recording_is_known_by_even_where_it_is_none(folder: Path, tmp_path: Path) -> None:
    for job in jobs_of(folder, tmp_path / "out"):
        entry, samples = read(job, Entry(job.name, "x"), None, Surroundings.here())
        assert entry.sha256 == sha256([job.source]) and entry.bytes == job.source.stat().st_size
        assert (entry.state, samples is None) == ((FAILED, True) if job.name == "bad.wav" else (PENDING, False))
    gone, samples = read(replace(job, source=folder / "gone.wav"), Entry("gone.wav", "x"), None, Surroundings.here())
    assert samples is None and "cannot be read" in gone.reason


@pytest.mark.parametrize(
    ("values", "message"),
    [({"workers": 0}, "workers: 0"), ({"gpus": 1.5}, "gpus: 1.5"), ({"gpus": -1}, "gpus: -1"), ({"ahead": 0}, "ahead")],
)
def test_numbers_that_are_not_possible_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RayConfig(**values)  # type: ignore[arg-type]


def test_readers_leave_room_for_workers() -> None:
    assert (RayConfig().worker_cpus, RayConfig().reader_cpus) == (1, 0)
    assert (RayConfig(gpus=0.5).worker_cpus, RayConfig(gpus=0.5).reader_cpus) == (0, 1)


def test_recordings_of_a_worker_share_its_threads() -> None:
    assert [RayConfig(cpus=8, jobs=n, batch_seconds=b).threads for n, b in ((1, 0), (4, 0), (16, 60))] == [8, 2, 2]
    # on a GPU in batches, on a processor one by one, unless it is asked for
    assert astuple(ArchiveEngine("ray").config("cuda"))[2:5] == (1.0, 16, 60.0)
    assert astuple(ArchiveEngine("ray").config("cpu"))[2:5] == (0.0, 1, 0.0)
    assert astuple(ArchiveEngine("ray", jobs=3, batch_seconds=20).config("cpu"))[2:5] == (0.0, 3, 20)


def stub(ready: bool, *tasks: Task) -> Any:
    """A worker of no cluster, with tasks."""
    actor = SimpleNamespace(convert=SimpleNamespace(remote=lambda *_: object()))
    return SimpleNamespace(actor=actor, ready=ready, tasks=list(tasks))


def test_a_task_that_is_to_be_alone_holds_up_one_worker(tmp_path: Path) -> None:
    tasks = [Task(ArchiveJob(str(number), tmp_path, tmp_path), Entry(str(number), "x")) for number in range(9)]
    fatal = replace(tasks[8], alone=True)
    pool: Any = object.__new__(Pool)
    pool.config, pool._busy, pool._alone, pool._read = RayConfig(jobs=2), {}, deque([fatal]), lambda t: _Read(t, 0, 0)
    pool._workers = one, two, _ = stub(True, *tasks[:2]), stub(True, tasks[2]), stub(False)
    reads = deque(_Read(task, 0, 0) for task in tasks[3:8])
    pool._send_out(reads)
    # the second is being emptied, the first is full
    assert (len(reads), one.tasks, two.tasks) == (5, tasks[:2], [tasks[2]])
    one.tasks.pop(), two.tasks.pop()
    pool._send_out(reads)
    assert (len(reads), one.tasks, two.tasks) == (4, [tasks[0], tasks[3]], [fatal])
    # neither beside it nor, until it is done, elsewhere for another one
    pool._alone.append(fatal)
    one.tasks.pop()
    pool._send_out(reads)
    assert (len(reads), one.tasks, two.tasks) == (3, [tasks[0], tasks[4]], [fatal])


def test_what_is_in_memory_is_bounded() -> None:
    pool: Any = object.__new__(Pool)
    task = Task(ArchiveJob("a", Path(), Path()), Entry("a", "x"))
    pool.config, pool._workers = RayConfig(jobs=16), [stub(True), stub(True, *16 * [task])]
    assert pool._room() == 2 * 17 - 16


def test_mistakes_are_found_before_models_are_loaded(
    run: Callable[..., Ended], folder: Path, tmp_path: Path, clip: Path
) -> None:
    out = tmp_path / "out"
    for arguments, message in (
        ((clip, out / "x.wav", "--engine", "ray"), "engine: ray converts a folder"),
        ((folder, out, "--engine", "slurm"), "unknown engine 'slurm'"),
        ((folder, out, "--workers", 2), "--workers and --gpus: they belong to the engine ray"),
        ((folder, out, "--engine", "ray", "--batch-seconds", -1), "--batch-seconds: -1 is not possible"),
        ((folder, out, "--engine", "ray", "--gpus", 1, "--voice", "af_heart"), "need the device cuda"),
        ((folder, out, "--engine", "ray", "--workers", 0, "--voice", "af_heart"), "workers: 0 is not at least 1"),
    ):
        ended = run("convert", *arguments)
        assert ended.status == 1 and message in " ".join(ended.err.split()), ended.err
