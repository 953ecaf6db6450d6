"""How long work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1."""


def part_of(progress: Progress | None, first: float, last: float) -> Progress | None:
    """What tells the progress of a part of the whole."""
    return None if progress is None else lambda share: progress(first + (last - first) * share)
