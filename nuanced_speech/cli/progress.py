"""The bar that long commands show on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

# Share of the work after which the time that is left can be told.
TOLD_FROM = 0.005


class Advance(Protocol):
    """Moves a bar to a share of the whole, 0 to 1.

    ``made`` is the sound that is there, in seconds, and ``begun`` the share that an earlier run has done.
    """

    def __call__(self, done: float, made: float | None = None, begun: float | None = None) -> None: ...


class _TimeLeft(ProgressColumn):
    """The time that is left, from the pace of all the work that this run has done.

    rich's own column forgets what is older than half a minute, and a step may take longer.
    """

    def render(self, task: Task) -> Text:
        """As a clock, or dashes while it cannot be told."""
        begun, elapsed = float(task.fields["begun"]), task.elapsed or 0.0
        return Text(time_left(task.completed - begun, 1.0 - task.completed, elapsed), style="progress.remaining")


def time_left(done: float, rest: float, elapsed: float) -> str:
    """The time for the rest of a work, of which a share was done in ``elapsed`` seconds."""
    return clock(elapsed * rest / done) if done >= TOLD_FROM else "-:--"


def clock(seconds: float) -> str:
    """``h:mm:ss``, or ``m:ss`` below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def bar(name: str) -> Iterator[Advance]:
    """A bar on standard error; yields a function that moves it."""
    console = Console(stderr=True)
    share = TextColumn("{task.percentage:>3.0f}%")
    columns = (
        TextColumn("{task.description}"), BarColumn(), share, TextColumn("{task.fields[made]}"), TimeElapsedColumn(),
        TextColumn("left"), _TimeLeft(),
    )  # fmt: skip
    # no bar without a terminal, since a log file would get empty lines
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as display:
        task = display.add_task(name, total=1.0, made="", begun=0.0)

        def advance(done: float, made: float | None = None, begun: float | None = None) -> None:
            changed: dict[str, Any] = {} if made is None else {"made": f"{clock(made)} of sound"}
            if begun is not None:
                changed["begun"] = begun
            display.update(task, completed=done, **changed)

        yield advance
