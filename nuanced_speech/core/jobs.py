"""Work on many items by several threads of this process: results in the items' order, or as each is done."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

import torch

from nuanced_speech.core.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

# Each holds an item and the memory of its sound in the making, up to 1 GB for the longest segments.
MOST_JOBS = 4
# As many as fill a batch while others read, measure and write on the processors.
BATCHED_JOBS = 16
# About 5 GB of a GPU with Kokoro's decoder: 74 MB for a second.
GPU_BATCH_SECONDS = 60.0
# Jobs with batches that compute on the processors at the same time, about: the others wait for a batch.
_BATCHED_PARTS = 4


@dataclass(frozen=True)
class Spread:
    """How work on many items is spread; by default one item comes after the other.

    Attributes:
        jobs: items that are worked on at the same time, each in a thread of its own.
        threads: threads of the numerical libraries for each item; their own number if None. Other threads of the
            process that begin while the work goes on get this number too, since PyTorch knows no other way.
        batch_seconds: largest sound, in seconds with padding, that a decoder makes at once for items under way at the
            same time; 0 for one by one.
    """

    jobs: int = 1
    threads: int | None = None
    batch_seconds: float = 0.0

    def fitted(self, items: int) -> "Spread":
        """The spread for so many items, where these are fewer than ``jobs``: each gets more threads."""
        if items >= self.jobs:
            return self
        if items < 2:
            return Spread(batch_seconds=self.batch_seconds)
        threads = self.threads
        if threads is not None and not self.batch_seconds:
            threads = threads * self.jobs // items
        return replace(self, jobs=items, threads=threads)


ALONE = Spread()


def spread_of(device: str | torch.device, jobs: int | None = None, batch_seconds: float | None = None) -> Spread:
    """The spread that is quick on a device: on processors a thread for each item, on a GPU batches.

    Args:
        device: of the models.
        jobs: items at the same time; by the number of threads that torch computes with if None.
        batch_seconds: as in ``Spread``; chosen by the device if None.

    Raises:
        UserError: numbers that are not possible.
    """
    cores, gpu = torch.get_num_threads(), torch.device(device).type != "cpu"
    if batch_seconds is None:
        batch_seconds = GPU_BATCH_SECONDS if gpu and jobs != 1 else 0.0
    if jobs is None:
        jobs = BATCHED_JOBS if batch_seconds else min(cores, MOST_JOBS)
    if jobs < 1:
        raise UserError(f"jobs: {jobs} is not possible: give at least 1")
    if not 0 <= batch_seconds < float("inf"):
        raise UserError(f"batch_seconds: {batch_seconds:g} is not possible: give seconds, or 0 for no batches")
    if jobs == 1:
        return Spread(batch_seconds=batch_seconds)
    return Spread(jobs, threads_each(cores, jobs, batch_seconds), batch_seconds)


def spread_of_one(device: str | torch.device, jobs: int | None = None, batch_seconds: float | None = None) -> Spread:
    """The spread for the parts of one recording or text: one after the other unless it is asked for, but in batches on
    a GPU. Arguments and errors are those of ``spread_of``."""
    if jobs is None and not batch_seconds and (batch_seconds == 0 or torch.device(device).type == "cpu"):
        jobs = 1
    return spread_of(device, jobs, batch_seconds)


def threads_each(cores: int, jobs: int, batch_seconds: float) -> int:
    """Threads of the numerical libraries for each of several jobs that share so many cores."""
    # one thread computes a batch for all while others measure: all threads for each of 16 would be 16 for a core
    parts = min(jobs, _BATCHED_PARTS) if batch_seconds else jobs
    return max(cores // parts, 1)


def in_order(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    spread: Spread = ALONE,
    stop: Callable[[], None] | None = None,
) -> Generator[Result, None, None]:
    """Results of items in their order; at most twice ``spread.jobs`` are under way or wait for an earlier one.

    Arguments are those of ``as_done``. Where ``items`` raises, the results of those before come first.
    """
    if spread.jobs == 1:
        yield from map(work, items)
        return
    left, begun = iter(items), deque[Future[Result]]()
    end: Exception | None = None
    with _pool(spread, stop) as pool:
        while end is None:
            try:
                begun.append(pool.submit(work, next(left)))
            except Exception as error:
                end = error
            while begun and (len(begun) == 2 * spread.jobs or begun[0].done()):
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    if end is not None and not isinstance(end, StopIteration):
        raise end


def as_done(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    spread: Spread = ALONE,
    stop: Callable[[], None] | None = None,
) -> Generator[Result, None, None]:
    """Results of items, each when it is there.

    Args:
        work: makes a result.
        items: are taken when their turn comes.
        spread: by how many threads.
        stop: called where it ends early, before the work under way is waited for; ``core.progress.Shares`` has one.
    """
    if spread.jobs == 1:
        yield from map(work, items)
        return
    left, begun = iter(items), set[Future[Result]]()
    with _pool(spread, stop) as pool:
        while True:
            begun |= {pool.submit(work, item) for item in islice(left, spread.jobs - len(begun))}
            if not begun:
                return
            done, begun = wait(begun, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


@contextmanager
def _pool(spread: Spread, stop: Callable[[], None] | None = None) -> Iterator[ThreadPoolExecutor]:
    """Threads, each of which computes with as many as the spread says; where it ends early, what waits is dropped.

    Until it ends, that number is PyTorch's for all threads of the process that begin.
    """
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(spread.jobs, "job", torch.set_num_threads, (spread.threads or before,))
    try:
        yield pool
    except BaseException:
        if stop is not None:
            stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        # a thread that begins later takes the number that was set last, wherever that was
        torch.set_num_threads(before)
