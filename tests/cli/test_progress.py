"""The bar: what it says of the time that is left."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nuanced_speech.cli import progress


@pytest.mark.parametrize(
    ("done", "rest", "elapsed", "says"),
    [(0.0, 1.0, 9, "-:--"), (0.5, 0.5, 30, "0:30"), (0.1, 0.9, 600, "1:30:00"), (0.25, 0.5, 59.6, "1:59")],
)
def test_time_left(done: float, rest: float, elapsed: float, says: str) -> None:
    assert progress.time_left(done, rest, elapsed) == says


def test_the_bar_moves_with_the_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda stderr: Console(file=screen, force_terminal=True, width=100))
    with progress.bar("speaking") as advance:
        advance(0.37, 75.4, 0.3)
    assert " 37%" in screen.getvalue() and "1:15 of sound" in screen.getvalue()


def test_nothing_is_drawn_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("speaking") as advance:
        advance(0.5)
    assert capsys.readouterr() == ("", "")
