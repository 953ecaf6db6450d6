"""How long work tells how far it is."""

from collections.abc import Callable, Iterable
from typing import Any

Progress = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1."""


def part_of(progress: Progress | None, first: float, last: float) -> Progress | None:
    """What tells the progress of a part of the whole."""
    return None if progress is None else lambda share: progress(first + (last - first) * share)


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
