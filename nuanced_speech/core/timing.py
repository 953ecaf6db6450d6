"""How long the stages of a job take."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)
_seconds: ContextVar[dict[str, float] | None] = ContextVar("seconds", default=None)


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Collect the seconds of all stages inside, by name. Threads and nested blocks have their own."""
    seconds: dict[str, float] = defaultdict(float)
    token = _seconds.set(seconds)
    try:
        yield seconds
    finally:
        _seconds.reset(token)


@contextmanager
def listening(ended: Callable[[str], None]) -> Iterator[None]:
    """Call a function with the name of each stage inside when it has ended well. Nested blocks have their own."""
    token = _listener.set(ended)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """A named part of a job. Its seconds are added up in the ``timed`` block around it, if there is one."""
    started = time.perf_counter()
    try:
        yield
    finally:
        seconds = _seconds.get()
        if seconds is not None:
            seconds[name] += time.perf_counter() - started
    if (ended := _listener.get()) is not None:
        ended(name)
