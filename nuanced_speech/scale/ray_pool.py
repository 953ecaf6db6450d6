"""A pool of workers on a Ray cluster that gives every job to one of them, and replaces those that die.

Actors under an own queue, and no Ray Data: ``docs/scale.md`` has the reasons.
"""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError

from nuanced_speech.convert.archive import ArchiveJob, Made
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
    """A job that is to be done.

    Attributes:
        job, entry: the job, and what the manifest says of it.
        alone: whether a worker is to have no other recording meanwhile, since one died with it and others.
        deaths: number of workers that died at it alone.
    """

    job: ArchiveJob
    entry: Entry
    alone: bool = False
    deaths: int = 0


@dataclass(frozen=True)
class _Read:
    """A task whose recording is read, or is being read; the references are Ray's."""

    task: Task
    entry: Any
    samples: Any


class _Worker:
    """An actor, whether its models are loaded, and the tasks that it has."""

    def __init__(self, actor: Any) -> None:
        self.actor, self.ready, self.tasks = actor, False, list[Task]()


@dataclass(frozen=True)
class _Busy:
    """A worker at work; without a task while it loads its models."""

    worker: _Worker
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
        self._arguments = ray.put(make), ray.put(options), self._surroundings, config.threads
        self._reader, self._worker = remote_reader(config), remote_worker(config)
        self._workers: list[_Worker] = []
        self._busy: dict[Any, _Busy] = {}
        self._alone: deque[Task] = deque()
        self._unready = 0
        self._size = workers

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            ray.kill(worker.actor)

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[ArchiveJob, Entry, Made | None]]:
        """Do tasks; each is given when it is done or has failed, in no order.

        Raises:
            UserError: workers that cannot load their models.
        """
        waiting: deque[Task] = deque(tasks)
        reads: deque[_Read] = deque()
        # no worker without a task, where each takes one before any takes two
        for _ in range(min(self._size, len(tasks))):
            self._start()
        left = len(tasks)
        while left:
            while waiting and len(reads) < self._room():
                reads.append(self._read(waiting.popleft()))
            self._send_out(reads)
            done, _ = ray.wait([*self._busy], num_returns=1, timeout=_POLL_SECONDS)
            for reference in done:
                busy = self._busy.pop(reference)
                finished = self._result(reference, busy)
                if finished is None:
                    continue
                if isinstance(finished, Task):
                    (self._alone if finished.alone else waiting).appendleft(finished)
                    continue
                left -= 1
                assert busy.task is not None
                yield busy.task.job, *finished

    def _start(self) -> None:
        worker = _Worker(self._worker.remote(*self._arguments))
        self._workers.append(worker)
        self._busy[worker.actor.prepare.remote()] = _Busy(worker, None)

    def _room(self) -> int:
        """Number of recordings that may be read and wait, beside those that workers have."""
        most = len(self._workers) * (self.config.jobs + self.config.ahead)
        return most - sum(len(worker.tasks) for worker in self._workers)

    def _send_out(self, reads: deque[_Read]) -> None:
        """Send what workers may have, those with the fewest tasks first.

        For tasks that are to be alone one worker gets nothing else until it is empty; the others go on.
        """
        lone = [worker for worker in self._workers if any(task.alone for task in worker.tasks)]
        takers = [worker for worker in self._workers if worker.ready and worker not in lone]
        while self._alone and (empty := next((worker for worker in takers if not worker.tasks), None)):
            self._send(empty, self._read(self._alone.popleft()))
            takers.remove(empty)
            lone.append(empty)
        if self._alone and takers and not lone:
            takers.remove(min(takers, key=lambda worker: len(worker.tasks)))
        while reads and takers:
            worker = min(takers, key=lambda worker: len(worker.tasks))
            if len(worker.tasks) >= self.config.jobs:
                return
            self._send(worker, reads.popleft())

    def _read(self, task: Task) -> _Read:
        entry, samples = self._reader.remote(task.job, task.entry, self._channel, self._surroundings)
        return _Read(task, entry, samples)

    def _send(self, worker: _Worker, read: _Read) -> None:
        reference = worker.actor.convert.remote(read.task.job, read.entry, read.samples)
        worker.tasks.append(read.task)
        self._busy[reference] = _Busy(worker, read.task)

    def _result(self, reference: Any, busy: _Busy) -> Task | tuple[Entry, Made | None] | None:
        """What came of a worker's work: a finished entry, a task to do again, or None for a worker that is ready."""
        worker, task = busy.worker, busy.task
        try:
            result = ray.get(reference)
        except RayActorError as error:
            return self._died(worker, task, error)
        except RayError as error:
            if task is None:
                raise UserError(f"a worker cannot load its models: {_line(error)}") from error
            worker.tasks.remove(task)
            return self._again(task, error)
        if task is not None:
            worker.tasks.remove(task)
            finished: tuple[Entry, Made | None] = result
            return finished
        if result:
            raise UserError(result)
        worker.ready, self._unready = True, 0
        return None

    def _died(self, worker: _Worker, task: Task | None, error: RayActorError) -> Task | tuple[Entry, None] | None:
        """What becomes of a task whose worker died; another worker takes its place, once for all its tasks.

        Where it had several, any may be to blame: each is done again by itself, and the death counts for none.
        """
        if worker in self._workers:
            log.warning("a worker died, and another takes its place (%s)", _line(error))
            self._workers.remove(worker)
            if task is None:
                self._unready += 1
                if self._unready >= self.config.attempts:
                    raise UserError(f"workers die while they load their models: {_line(error)}") from error
            self._start()
        if task is None:
            return None
        return replace(task, alone=True) if len(worker.tasks) > 1 else self._again(task, error)

    def _again(self, task: Task, error: RayError) -> Task | tuple[Entry, None]:
        """A task that broke off, to be done again unless that was often enough."""
        deaths = task.deaths + 1
        if deaths < self.config.attempts:
            return replace(task, deaths=deaths)
        reason = f"broken off {deaths} times: {_line(error)}"
        return replace(task.entry, state=FAILED, reason=reason), None


def _line(error: Exception) -> str:
    """The first line of an error that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:300]
