"""The bar that long commands show on standard error."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

# Share of the work after which the time that is left can be told.
TOLD_FROM = 0.005
# The pace is that of this last part of the time: what an earlier run has done is passed in the first moments.
RECENT = 0.5


class Advance(Protocol):
    """Moves a bar to a share of the whole, 0 to 1; ``made`` is the sound that is there, in seconds."""

    def __call__(self, done: float, made: float | None = None) -> None: ...


class Pace:
    """The time that is left of a work, from its pace in the last half of the time that it has taken.

    rich's own column forgets what is older than half a minute, and a step may take longer. The pace of the whole time
    would count what an earlier run has done.
    """

    def __init__(self) -> None:
        self._past: deque[tuple[float, float]] = deque([(0.0, 0.0)])

    def moved(self, elapsed: float, done: float) -> None:
        """After so many seconds so much of the work is done, 0 to 1."""
        self._past.append((elapsed, done))
        recent = elapsed * (1 - RECENT)
        # never less than can be told of
        while len(self._past) > 2 and self._past[1][0] <= recent and done - self._past[1][1] >= TOLD_FROM:
            self._past.popleft()

    def left(self, elapsed: float) -> str:
        """As a clock, or dashes while it cannot be told."""
        (began, before), (_, done) = self._past[0], self._past[-1]
        moved = done - before
        if moved < TOLD_FROM:
            return "-:--"
        return clock((elapsed - began) * (1 - done) / moved)


class _TimeLeft(ProgressColumn):
    def render(self, task: Task) -> Text:
        pace: Pace = task.fields["pace"]
        return Text(pace.left(task.elapsed or 0.0), style="progress.remaining")


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
        pace = Pace()
        task = display.add_task(name, total=1.0, made="", pace=pace)

        def advance(done: float, made: float | None = None) -> None:
            pace.moved(display.tasks[0].elapsed or 0.0, done)
            changed: dict[str, Any] = {} if made is None else {"made": f"{clock(made)} of sound"}
            display.update(task, completed=done, **changed)

        yield advance
