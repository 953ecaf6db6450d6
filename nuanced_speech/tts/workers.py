"""Long jobs in several processes, of one thread each, with one progress bar; an interrupt stops them all."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, TypeVar

import torch

from nuanced_speech.core.errors import UserError

J = TypeVar("J")
_POLL_SECONDS = 0.2


def parallel(
    make: Callable[[Any], Callable[[J, Callable[[float], None]], Any]],
    config: Any,
    jobs: Sequence[J],
    sizes: Sequence[float],
    workers: int,
    progress: Callable[[float], None],
) -> Iterator[tuple[J, Any]]:
    """Jobs with their results, as they are done, the largest first.

    Args:
        make: from ``config`` what does a job; it also gets a function that reports the share of the job that is done.
        sizes: of the jobs, in any unit, for the bar.
        workers: processes; with 1 the work is done in this one.
        progress: called with the share of all jobs that is done.

    Raises:
        UserError: a process died, mostly of too little memory.
    """
    if not jobs:
        return
    total = float(sum(sizes))
    order = sorted(range(len(jobs)), key=lambda k: (-sizes[k], k))
    if workers <= 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            do, before = make(config), 0.0
            for k in order:
                yield jobs[k], do(jobs[k], partial(_advance, progress, before / total, sizes[k] / total))
                before += sizes[k]
                progress(before / total)
        finally:
            torch.set_num_threads(threads)
        return
    context = multiprocessing.get_context("spawn")
    counter, stop = context.Value("d", 0.0), context.Event()
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, _start, (make, config, counter, stop))
    try:
        pending = {pool.submit(_do, jobs[k], sizes[k]): k for k in order}
        while pending:
            done, _ = wait(pending, _POLL_SECONDS, FIRST_COMPLETED)
            progress(min(counter.value / total, 1.0))
            for future in done:
                yield jobs[pending.pop(future)], future.result()
    except BrokenProcessPool as error:
        raise UserError("a worker process died, perhaps for want of memory: run again with fewer workers") from error
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _advance(progress: Callable[[float], None], before: float, size: float, part: float) -> None:
    progress(before + part * size)


_do_job: Callable[[Any, Callable[[float], None]], Any]
_counter: Any
_stop: Any


def _start(make: Callable[[Any], Any], config: Any, counter: Any, stop: Any) -> None:
    global _do_job, _counter, _stop
    # Ctrl-C reaches all processes of a terminal; the parent tells these to stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _do_job, _counter, _stop = make(config), counter, stop
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(job: Any, size: float) -> Any:
    reported = 0.0

    def report(part: float) -> None:
        nonlocal reported
        if _stop.is_set():
            raise KeyboardInterrupt
        with _counter.get_lock():
            _counter.value += (part - reported) * size
        reported = part

    report(0.0)
    result = _do_job(job, report)
    report(1.0)
    return result
