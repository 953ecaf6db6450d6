"""The moving line of ``nuanced-speech live``: levels, delay, breaks and computing time, on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from nuanced_speech.live.levels import Levels
    from nuanced_speech.live.loop import LiveStatus

REFRESHES = 8
"""Times a second that the line is drawn."""
LOWEST_DB = -60.0
"""Level at which the bar is empty."""
BAR_WIDTH = 8
"""Characters of the bar of a level."""
SILENT_SECONDS = 5.0
"""Silence after which a microphone may be muted."""
CLIPPED = 0.001
"""Fraction of clipped samples from which it is told. Speech that is not clipped stays below 0.0002."""


@contextmanager
def live_line(status: Callable[[], "LiveStatus"], microphone: bool = False) -> Iterator[None]:
    """Inside, a line on standard error shows how a conversion goes; nothing where that is no terminal.

    Args:
        status: how it goes now.
        microphone: the source is a microphone, which may be muted or too loud.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return

    def drawn() -> RenderableType:
        now = status()
        advice = hint(now, microphone)
        return Group(line(now), Text(advice, style="yellow")) if advice else line(now)

    with Live(get_renderable=drawn, console=console, refresh_per_second=REFRESHES, transient=True):
        yield


def line(status: "LiveStatus") -> RenderableType:
    """Levels of both sides in dBFS, the delay, breaks of the sound, and the share of the time that is computed."""
    delay = "-" if status.delay_seconds is None else f"{status.delay_seconds:.1f} s"
    grid = Table.grid(padding=(0, 1, 0, 0))
    for _ in range(7):
        grid.add_column(no_wrap=True)
    grid.add_row(
        *_level("in", status.source),
        *_level("out", status.output),
        f"delay {delay:>5}",
        f"gaps {status.gaps}",
        f"computing {status.busy:.0%}",
    )
    return grid


def _level(name: str, levels: "Levels") -> tuple[RenderableType, RenderableType]:
    filled = max(0.0, levels.peak_db - LOWEST_DB)
    style = "red" if levels.peak_db > -1 else "yellow" if levels.peak_db > -6 else "green"
    bar = ProgressBar(-LOWEST_DB, filled, width=BAR_WIDTH, complete_style=style, finished_style="red")
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(name, bar)
    return grid, f"{max(levels.peak_db, -99.0):3.0f} dB"


def hint(status: "LiveStatus", microphone: bool) -> str:
    """What a speaker can do about a source that is silent or clips, or a machine that is slow; empty if nothing."""
    source, figures = status.source, status.figures
    if figures.behind:
        return (
            f"this machine cannot follow: {'--mode phrase' if figures.block_seconds else '--decoder fast'} needs less"
        )
    if microphone and source.clipped > CLIPPED:
        return "the microphone clips: turn its level down, or speak from farther away"
    if microphone and source.silent_seconds >= SILENT_SECONDS:
        return "the microphone is silent: unmute it, or choose another (--devices, --input)"
    if status.grown:
        return f"this machine is slow: blocks have grown to {figures.block_seconds:.1f} s, and the delay with them"
    return ""
