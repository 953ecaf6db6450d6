"""What runs on the machines of a Ray cluster: readers of recordings, and workers that convert them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray

from nuanced_speech.convert.archive import ArchiveJob, Converting, Made, attempt, converted, identified
from nuanced_speech.convert.manifest import FAILED, Entry
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.convert.sources import HandedOver, Reader, read_source
from nuanced_speech.core import threads
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.jobs import threads_each
from nuanced_speech.core.surroundings import Surroundings

# Makes what converts files, given what reads them; sent to the workers.
Maker = Callable[[Reader], Converting]


@dataclass(frozen=True)
class RayConfig:
    """How an archive is spread over a cluster.

    Attributes:
        workers: number of workers; None for as many as the cluster has room for.
        cpus: processors of each worker without a GPU, and its threads.
        gpus: GPUs of each worker; a fraction shares one. Workers with a GPU leave all processors to the readers.
        jobs: recordings that a worker converts at the same time, in a thread each.
        batch_seconds: longest sound, with padding, that a worker's decoder makes at once for them; 0 for one by one.
        ahead: recordings for each worker that are read before it is free. ``jobs + ahead`` bound the memory.
        attempts: number of workers that may die at one recording before it counts as failed.
    """

    workers: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    jobs: int = 1
    batch_seconds: float = 0.0
    ahead: int = 1
    attempts: int = 3

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise UserError(f"workers: {self.workers} is not at least 1")
        if self.gpus < 0 or (self.gpus > 1 and self.gpus != int(self.gpus)):
            raise UserError(f"gpus: {self.gpus:g} is no share of a GPU: give a fraction below 1, or a whole number")
        if self.cpus <= 0 or self.jobs < 1 or self.ahead < 1 or self.attempts < 1:
            raise UserError("cpus, jobs, ahead and attempts: give positive numbers")

    @property
    def reader_cpus(self) -> float:
        """Processors of a reader. Beside workers on processors none are reserved, since none may be left."""
        return 1.0 if self.gpus else 0.0

    @property
    def worker_cpus(self) -> float:
        """Processors of a worker."""
        return 0.0 if self.gpus else self.cpus

    @property
    def threads(self) -> int:
        """Threads of the networks for each recording of a worker."""
        return threads_each(int(self.cpus), self.jobs, self.batch_seconds)


def read(
    job: ArchiveJob, entry: Entry, channel: int | None, surroundings: Surroundings
) -> tuple[Entry, np.ndarray | None]:
    """A recording's entry with what it is known by, and its samples ``[T]`` at 24 kHz; None where it has failed."""
    surroundings.enter()
    identified_entry = attempt(lambda: identified(entry, job.source), entry)
    if identified_entry.state == FAILED:
        return identified_entry, None
    samples: list[np.ndarray] = []

    def work() -> Entry:
        samples.append(read_source(job.source, channel))
        return identified_entry

    identified_entry = attempt(work, identified_entry)
    return identified_entry, None if identified_entry.state == FAILED else samples[0]


class Worker:
    """Converts recordings in a process of its own, one after the other or in several threads.

    Args:
        make: makes what converts files.
        options: of all conversions.
        surroundings: of the process that sends the work.
        thread_count: threads of the networks.
    """

    def __init__(self, make: Maker, options: ConversionOptions, surroundings: Surroundings, thread_count: int) -> None:
        self._make, self._options, self._surroundings, self._threads = make, options, surroundings, thread_count
        self._handed = HandedOver()

    def prepare(self) -> str:
        """Load the models; what went wrong, in one line, or nothing."""
        self._surroundings.enter()
        threads.limit(self._threads)
        try:
            self._convert = self._make(self._handed)
        except UserError as error:
            return str(error)
        return ""

    def convert(self, job: ArchiveJob, entry: Entry, samples: np.ndarray | None) -> tuple[Entry, Made | None]:
        """A job done, and its entry."""
        if samples is None:
            return entry, None
        # what comes from Ray's store cannot be written to, and goes with the store
        with self._handed.put(job.source, self._options.channel, samples.copy()):
            return converted(self._convert, job, entry, self._options)


def remote_reader(config: RayConfig) -> Any:
    """``read`` as a task, on whichever machine has the fewest of them; done again where its machine dies."""
    return ray.remote(read).options(num_cpus=config.reader_cpus, num_returns=2, scheduling_strategy="SPREAD")


def remote_worker(config: RayConfig) -> Any:
    """``Worker`` as an actor. One that dies is replaced by another, wherever there is room."""
    return ray.remote(Worker).options(
        num_cpus=config.worker_cpus,
        num_gpus=config.gpus,
        max_concurrency=config.jobs,
        max_restarts=0,
        max_task_retries=0,
    )
