"""Threads of the numerical libraries. Imports none of them, since they read the environment when they load."""

import os
import sys
import threading

# Rounds that an idle thread spins before it sleeps. libgomp's own default of 300,000 makes everything two to four times
# as slow beside another busy process; docs/processors.md and docs/experiments.md have the comparison.
SPIN_COUNT = 1000
# PyTorch gives the newest number to every thread that begins later: one at a time may change it.
_changing = threading.Lock()
_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def let_idle_threads_sleep() -> None:
    """Bound the spinning of idle OpenMP threads, unless the user has chosen a policy.

    Has an effect only before torch is imported.
    """
    if "OMP_WAIT_POLICY" not in os.environ and "GOMP_SPINCOUNT" not in os.environ:
        os.environ["GOMP_SPINCOUNT"] = str(SPIN_COUNT)


def limit(threads: int) -> None:
    """Compute with so many threads, in this process and those that it starts.

    Raises:
        ValueError: less than 1.
    """
    if threads < 1:
        raise ValueError(f"threads: {threads} is not at least 1")
    for name in _COUNTS:
        os.environ[name] = str(threads)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)


def chosen() -> int | None:
    """Number of threads that the user has chosen for this process; None for the libraries' own choice."""
    number = os.environ.get(_COUNTS[0], "")
    return int(number) if number.isdigit() and int(number) else None


def limit_here(threads: int) -> None:
    """From now on this thread computes with so many threads, and others as before.

    Raises:
        ValueError: less than 1.
    """
    if threads < 1:
        raise ValueError(f"threads: {threads} is not at least 1")
    from concurrent.futures import ThreadPoolExecutor

    import torch

    with _changing, ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        torch.get_num_threads()  # the first call in a thread gives it the number of later threads, which is not to last
        # this thread may have a number of its own; one that begins now has that of later threads
        before = first.submit(torch.get_num_threads).result()
        torch.set_num_threads(threads)
        # set in a thread of its own, it is only that of later threads
        second.submit(torch.set_num_threads, before).result()
