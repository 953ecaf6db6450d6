"""A pool of workers on a Ray cluster that gives every job to one of them, and replaces those that die."""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError

from nuanced_speech.convert.archive import Job, Made
from nuanced_speech.convert.manifest import FAILED, Entry
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.surroundings import Surroundings
from nuanced_speech.scale.ray_workers import Maker, RayConfig, remote_reader, remote_worker

log = logging.getLogger(__name__)

# Fits the default timeout of Ray's own health check many times over.
_POLL_SECONDS = 60.0


@dataclass(frozen=True)
class Task:
    """A job that is to be done, with its entry, and how many workers died at it."""

    job: Job
    entry: Entry
    deaths: int = 0


@dataclass(frozen=True)
class _Read:
    """A task whose recording is read, or is being read; the references are Ray's."""

    task: Task
    entry: Any
    samples: Any


@dataclass(frozen=True)
class _Busy:
    """A worker at work; without a task while it loads its models."""

    worker: Any
    task: Task | None


class Pool:
    """The workers of one archive. Used as a context, at whose end they are gone.

    Args:
        make: makes what converts files on a worker.
        options: of all conversions.
        config: how the work is spread.
        workers: number of workers.
    """

    def __init__(self, make: Maker, options: ConversionOptions, config: RayConfig, workers: int) -> None:
        self.config, self._channel, self._surroundings = config, options.channel, Surroundings.here()
        self._arguments = ray.put(make), ray.put(options), self._surroundings, max(1, int(config.cpus))
        self._reader, self._worker = remote_reader(config), remote_worker(config)
        self._workers: list[Any] = []
        self._busy: dict[Any, _Busy] = {}
        self._idle: list[Any] = []
        self._unready = 0
        self._size = workers

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            ray.kill(worker)

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Job, Entry, Made | None]]:
        """Do tasks; each is given when it is done or has failed, in no order.

        Raises:
            UserError: workers that cannot load their models.
        """
        waiting: deque[Task] = deque(tasks)
        reads: deque[_Read] = deque()
        for _ in range(min(self._size, len(tasks))):
            self._start()
        left = len(tasks)
        while left:
            while waiting and len(reads) < len(self._workers) * self.config.ahead:
                reads.append(self._read(waiting.popleft()))
            while self._idle and reads:
                self._send(self._idle.pop(), reads.popleft())
            done, _ = ray.wait([*self._busy], num_returns=1, timeout=_POLL_SECONDS)
            for reference in done:
                busy = self._busy.pop(reference)
                finished = self._result(reference, busy)
                if finished is None:
                    continue
                if isinstance(finished, Task):
                    waiting.appendleft(finished)
                    continue
                left -= 1
                assert busy.task is not None
                yield busy.task.job, *finished

    def _start(self) -> None:
        worker = self._worker.remote(*self._arguments)
        self._workers.append(worker)
        self._busy[worker.prepare.remote()] = _Busy(worker, None)

    def _read(self, task: Task) -> _Read:
        entry, samples = self._reader.remote(task.job, task.entry, self._channel, self._surroundings)
        return _Read(task, entry, samples)

    def _send(self, worker: Any, read: _Read) -> None:
        reference = worker.convert.remote(read.task.job, read.entry, read.samples)
        self._busy[reference] = _Busy(worker, read.task)

    def _result(self, reference: Any, busy: _Busy) -> Task | tuple[Entry, Made | None] | None:
        """What came of a worker's work: a finished entry, a task to do again, or None for a worker that is ready."""
        try:
            result = ray.get(reference)
        except RayActorError as error:
            log.warning("a worker died, and another takes its place (%s)", _line(error))
            self._workers.remove(busy.worker)
            if busy.task is None:
                self._unready += 1
                if self._unready >= self.config.attempts:
                    raise UserError(f"workers die while they load their models: {_line(error)}") from error
            self._start()
            return self._again(busy.task, error)
        except RayError as error:
            if busy.task is None:
                raise UserError(f"a worker cannot load its models: {_line(error)}") from error
            self._idle.append(busy.worker)
            return self._again(busy.task, error)
        self._idle.append(busy.worker)
        if busy.task is not None:
            finished: tuple[Entry, Made | None] = result
            return finished
        if result:
            raise UserError(result)
        self._unready = 0
        return None

    def _again(self, task: Task | None, error: RayError) -> Task | tuple[Entry, None] | None:
        """A task that broke off, to be done again unless that was often enough."""
        if task is None:
            return None
        deaths = task.deaths + 1
        if deaths < self.config.attempts:
            return replace(task, deaths=deaths)
        reason = f"broken off {deaths} times: {_line(error)}"
        return replace(task.entry, state=FAILED, reason=reason), None


def _line(error: Exception) -> str:
    """The first line of an error that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:300]
