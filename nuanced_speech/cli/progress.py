"""The bar that long commands show on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def bar(name: str) -> Iterator[Callable[[float], None]]:
    """A bar on standard error; yields a function that moves it to a share of the whole, 0 to 1."""
    console = Console(stderr=True)
    share = TextColumn("{task.percentage:>3.0f}%")
    columns = (TextColumn("{task.description}"), BarColumn(), share, TimeElapsedColumn(), TimeRemainingColumn())
    # no bar without a terminal, since a log file would get empty lines
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(name, total=1.0)
        yield lambda done: shown.update(task, completed=done)
