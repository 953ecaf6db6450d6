"""Work in threads: a bounded queue, output piece by piece, and an end when the client goes away."""

import asyncio
import logging
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Generic, TypeVar

from nuanced_speech.serve.config import QueueConfig
from nuanced_speech.serve.errors import ApiError

T = TypeVar("T")
log = logging.getLogger(__name__)

_END = object()
# Weight of the newest job in the running mean of their lengths.
_NEWEST = 0.2
_POLL_SECONDS = 0.25


class Cancelled(Exception):
    """The client has gone away: nobody wants the result."""


class Job(Generic[T]):
    """One piece of work, and its output on the way to the event loop.

    Args:
        work: called in a thread with this job; gives the output piece by piece.
        config: bounds of the output that waits.
        size: bytes of a piece.
    """

    def __init__(self, work: "Work[T]", config: QueueConfig, size: Callable[[T], int]) -> None:
        self.work, self.config, self.size = work, config, size
        self.loop = asyncio.get_running_loop()
        self.ready = asyncio.Event()
        self.cancelled = threading.Event()
        self.room = threading.Condition()
        self.pieces: list[Any] = []
        self.held = 0
        self.gave_up = False
        self.before: Callable[[], None] = lambda: None

    def check(self, *_: Any) -> None:
        """Stop here if the client has gone away; may serve as a ``Progress``.

        Raises:
            Cancelled: it has.
        """
        if self.cancelled.is_set():
            raise Cancelled
        self.before()

    def cancel(self) -> None:
        """Tell the work that nobody waits any more."""
        self.cancelled.set()
        with self.room:
            self.room.notify_all()

    def run(self) -> None:
        """Do the work; called in a thread."""
        try:
            self.check()
            for piece in self.work(self):
                self._put(piece, self.size(piece))
                self.check()
            self._put(_END, 0)
        except Cancelled:
            self.gave_up = True
            self._put(_END, 0)
        except BaseException as error:
            self._put(error, 0)

    def emit(self, piece: T) -> None:
        """Hand a piece over from within the work, such as its progress.

        Raises:
            Cancelled: the client has gone away.
        """
        self.check()
        self._put(piece, self.size(piece))

    def _put(self, piece: Any, size: int) -> None:
        deadline = time.monotonic() + self.config.stalled_seconds
        with self.room:
            while size and self.held > self.config.buffer_bytes and not self.cancelled.is_set():
                if not self.room.wait(max(0.0, deadline - time.monotonic())):
                    self.cancelled.set()
                    raise Cancelled
            self.pieces.append(piece)
            self.held += size
        with suppress(RuntimeError):  # the event loop is closed
            self.loop.call_soon_threadsafe(self.ready.set)

    async def next(self) -> Any:
        """The next piece; ``_END`` after the last.

        Raises:
            Exception: whatever the work raised.
        """
        while not self.pieces:
            await self.ready.wait()
            self.ready.clear()
        with self.room:
            piece = self.pieces.pop(0)
            if piece is not _END and not isinstance(piece, BaseException):
                self.held -= self.size(piece)
            self.room.notify_all()
        if isinstance(piece, BaseException):
            raise piece
        return piece


Work = Callable[[Job[T]], Iterable[T]]
Gone = Callable[[], Any]


class JobQueue:
    """Runs jobs in some threads; refuses those that would wait too long.

    Args:
        config: number of threads and of places to wait.
        share: called in a job's thread, before each of its pieces, with the number of jobs that run.
    """

    def __init__(self, config: QueueConfig, share: Callable[[int], None] | None = None) -> None:
        self.config, self.share = config, share
        self.pool = ThreadPoolExecutor(config.workers, thread_name_prefix="job")
        self.lock = threading.Lock()
        self.waiting = self.running = self.stopped = 0
        self.mean_seconds = 2.0

    def submit(self, work: Work[T], size: Callable[[T], int] = lambda piece: 0) -> Job[T]:
        """A job that will run.

        Raises:
            ApiError: 429, as many jobs as possible wait already; ``Retry-After`` tells when to come again.
        """
        with self.lock:
            if self.waiting + self.running >= self.config.workers + self.config.waiting:
                seconds = max(1, math.ceil(self.mean_seconds * (self.waiting + 1) / self.config.workers))
                message = f"the server is busy with {self.waiting + self.running} requests: try again in {seconds} s"
                raise ApiError(429, message, None, "queue_full", {"Retry-After": str(seconds)})
            self.waiting += 1
        job = Job(work, self.config, size)
        self.pool.submit(self._run, job)
        return job

    def close(self) -> None:
        """Wait for the jobs that run; those that wait are not begun."""
        self.pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, job: Job[Any]) -> None:
        with self.lock:
            self.waiting -= 1
            self.running += 1
        started = time.monotonic()
        share = self.share
        if share is not None:
            job.before = lambda: share(self.running)
        try:
            job.run()
        finally:
            spent = time.monotonic() - started
            with self.lock:
                self.running -= 1
                self.stopped += job.gave_up
                self.mean_seconds += _NEWEST * (spent - self.mean_seconds)

    async def stream(self, work: Work[T], gone: Gone, size: Callable[[T], int] = lambda piece: 0) -> AsyncIterator[T]:
        """The output of a job, once its first piece is there; closing the iterator stops the work.

        Args:
            work: called in a thread with the job; gives the output piece by piece.
            gone: an asynchronous function that tells whether the client has gone.
            size: bytes of a piece.

        Raises:
            ApiError: as ``submit``; 499 where the client has gone.
            Exception: whatever the work raises before its first piece.
        """
        job = self.submit(work, size)
        return _rest(job, await _first(job, gone))

    async def result(self, work: Callable[[Job[T]], T], gone: Gone) -> T:
        """The result of a function that runs as a job; the work is stopped when the client has gone.

        Args:
            work: called in a thread with the job.
            gone: an asynchronous function that tells whether the client has gone.

        Raises:
            ApiError: as ``submit``; 499 where the client has gone.
            Exception: whatever the work raises.
        """
        job = self.submit(lambda job: iter([work(job)]))
        value: T = await _first(job, gone)
        return value


async def _first(job: Job[Any], gone: Gone) -> Any:
    """The first piece of a job; the job is told to stop when its client has gone."""
    task = asyncio.ensure_future(job.next())
    try:
        while not (await asyncio.wait({task}, timeout=_POLL_SECONDS))[0]:
            if await gone():
                job.cancel()
        value = task.result()
    except BaseException:
        job.cancel()
        task.cancel()
        raise
    if value is _END and job.gave_up:
        raise ApiError(499, "the client has gone away", None, "client_closed_request")
    return value


async def _rest(job: Job[T], first: Any) -> AsyncIterator[T]:
    try:
        piece = first
        while piece is not _END:
            yield piece
            piece = await job.next()
    finally:
        job.cancel()
