"""Conversion of an archive by a Ray cluster: readers on processors, workers with the models, one manifest.

All machines see the same files under the same names (a shared file system). This process alone writes the manifest.
"""

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

# before Ray is imported: it would report its use
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray

from nuanced_speech.convert.archive import ArchiveJob, ArchiveOutcome, entry_of, is_done, note_pending
from nuanced_speech.convert.manifest import Manifest
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.convert.shard import Shard
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import make_folder
from nuanced_speech.scale.ray_pool import Pool, Task
from nuanced_speech.scale.ray_workers import Maker, RayConfig


@dataclass(frozen=True)
class RayEngine:
    """Converts archives as ``convert_archive`` does, on a cluster; outputs and manifest are the same.

    Attributes:
        make: makes what converts files on a worker; it is sent there.
        config: how the work is spread.
    """

    make: Maker
    config: RayConfig = field(default_factory=RayConfig)

    def convert_archive(
        self,
        jobs: Sequence[ArchiveJob],
        out: Path,
        options: ConversionOptions,
        options_digest: str,
        shard: Shard | None = None,
    ) -> Iterator[ArchiveOutcome]:
        """Convert recordings by several workers, each given when it is finished, in no order.

        A recording whose worker or machine dies is given to another one; the others are not touched.

        Args:
            jobs: as ``jobs_of`` gives them.
            out: folder of the outputs and of the manifest, which all machines see.
            options: for all of them.
            options_digest: as ``digest_of`` gives it.
            shard: the share that ``jobs`` are.

        Raises:
            UserError: a folder or manifest that cannot be written; a cluster that cannot be reached or has no room for
                a worker; models that cannot be loaded.
        """
        out = out.resolve()
        jobs = [ArchiveJob(job.name, job.source.resolve(), job.output.resolve()) for job in jobs]
        make_folder(out)
        with Manifest(out, shard) as manifest:
            note_pending(manifest, jobs, out)
            tasks = []
            for job in jobs:
                planned, before = entry_of(job, out, options_digest), manifest.entries[job.name]
                if is_done(job, before, planned):
                    yield ArchiveOutcome(job, before)
                else:
                    tasks.append(Task(job, planned))
            if not tasks:
                return
            with _connected(), Pool(self.make, options, self.config, workers_in(self.config)) as pool:
                for job, entry, made in pool.run(tasks):
                    entry = replace(entry, time=time.time())
                    manifest.add(entry)
                    yield ArchiveOutcome(job, entry, made)


def workers_in(config: RayConfig) -> int:
    """Number of workers for which the cluster has room, or those that were asked for.

    Raises:
        UserError: no room for one.
    """
    have = ray.cluster_resources()
    kind, each = ("GPU", config.gpus) if config.gpus else ("CPU", config.cpus)
    room = math.floor(have.get(kind, 0.0) / each)
    if room < 1:
        raise UserError(f"the cluster has {have.get(kind, 0):g} {kind}, and a worker wants {each:g}: ask for less")
    return room if config.workers is None else min(config.workers, room)


@contextmanager
def _connected() -> Iterator[None]:
    """The cluster that RAY_ADDRESS names, or one of this machine alone, unless this process is connected already.

    Raises:
        UserError: it cannot be reached.
    """
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS") or "local"
    local: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    # Ray puts its own handler in the place of the one that ends the program in order
    ending = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"the Ray cluster at {address} cannot be reached: {first}") from error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, ending)
    try:
        yield
    finally:
        ray.shutdown()
