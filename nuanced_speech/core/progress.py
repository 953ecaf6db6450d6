"""How long work tells how far it is."""

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Any

Progress = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1."""


def part_of(progress: Progress | None, first: float, last: float) -> Progress | None:
    """What tells the progress of a part of the whole."""
    return None if progress is None else lambda share: progress(first + (last - first) * share)


class Shares:
    """Adds up how far items are that several threads work on, and breaks them off.

    Args:
        progress: called with the sum of the items' shares: from several threads, but by one at a time.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress, self._stopped = progress, False
        self._lock, self._done = threading.Lock(), dict[Hashable, float]()

    def stop(self) -> None:
        """Items under way end as by Ctrl-C, as soon as they tell how far they are."""
        self._stopped = True

    def of(self, name: Hashable) -> Progress:
        """The progress of one item, which counts until it is dropped."""

        def tell(share: float) -> None:
            if self._stopped:
                raise KeyboardInterrupt
            if self._progress is not None:
                with self._lock:
                    self._done[name] = share
                    self._progress(sum(self._done.values()))

        return tell

    def drop(self, name: Hashable) -> None:
        """Count an item no longer."""
        with self._lock:
            self._done.pop(name, None)


def step_bar(items: Iterable[Any] | None, title: str, total: int | None = None, done: int = 0, **options: Any) -> Any:
    """A progress bar on standard error, as ``tqdm`` makes them: it goes over ``items``, or is moved by ``update``.

    Args:
        items: objects to go over; None for a bar that is moved by hand.
        title: name in front of the bar.
        total: number of items, where they do not tell it.
        done: items that an earlier run has done.
        options: other arguments of ``tqdm``.
    """
    from tqdm import tqdm

    return tqdm(items, title, total, initial=done, **options)


def above_bars(report: Callable[[str], None], message: str) -> None:
    """Report a line while bars are shown: they are taken away and drawn again below it."""
    from tqdm import tqdm

    with tqdm.external_write_mode():
        report(message)
