"""The bar: what it says of the time that is left."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nuanced_speech.cli import progress


@pytest.mark.parametrize(
    ("moves", "now", "says"),
    [
        ([], 9, "-:--"),
        ([(30, 0.5)], 30, "0:30"),
        ([(300, 0.05), (600, 0.1)], 600, "1:30:00"),
        # a step that takes longer than the last half of the time
        ([(10, 0.5)], 30, "0:30"),
        # an earlier run did 0.8, which is there after two seconds: the pace is that of the rest
        ([(1, 0.5), (2, 0.8), (52, 0.85), (102, 0.9)], 102, "1:40"),
        # hardly any of it done in the last half of the time
        ([(10, 0.5), (100, 0.501)], 100, "1:40"),
        ([(4, 1.0)], 4, "0:00"),
    ],
)
def test_time_left(moves: list[tuple[float, float]], now: float, says: str) -> None:
    pace = progress.Pace()
    for elapsed, done in moves:
        pace.moved(elapsed, done)
    assert pace.left(now) == says


def test_the_bar_moves_with_the_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda stderr: Console(file=screen, force_terminal=True, width=100))
    with progress.bar("speaking") as advance:
        advance(0.37, 75.4)
    assert " 37%" in screen.getvalue() and "1:15 of sound" in screen.getvalue()


def test_nothing_is_drawn_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("speaking") as advance:
        advance(0.5)
    assert capsys.readouterr() == ("", "")
