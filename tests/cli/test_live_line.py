"""The moving line of ``nuanced-speech live``."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from nuanced_speech.cli import live_line
from nuanced_speech.live.levels import Levels
from nuanced_speech.live.loop import LiveStatus
from nuanced_speech.live.session import LiveFigures

FINE = LiveStatus(
    Levels(-18.2), Levels(-100.0), 0.92, 2, False, LiveFigures(10, 10, busy_seconds=4.3, block_seconds=0.3)
)


def test_a_terminal_shows_both_levels_delay_gaps_and_computing_time(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(live_line, "Console", lambda stderr: Console(file=screen, force_terminal=True, width=80))
    with live_line.live_line(lambda: FINE, microphone=True):
        pass
    shown = screen.getvalue()
    for part in ("-18 dB", "-99 dB", "delay 0.9 s", "gaps 2", "computing 43%"):
        assert part in shown
    assert "microphone" not in shown and "…" not in shown


def test_nothing_is_drawn_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with live_line.live_line(lambda: FINE):
        pass
    assert capsys.readouterr() == ("", "")


def test_nothing_is_told_of_a_delay_before_the_first_sound() -> None:
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(live_line.line(replace(FINE, delay_seconds=None)))
    assert "delay     - gaps" in console.export_text()


@pytest.mark.parametrize(
    ("changes", "microphone", "says"),
    [
        ({}, True, ""),
        ({"source": Levels(-100, silent_seconds=6)}, True, "the microphone is silent"),
        ({"source": Levels(-100, silent_seconds=3)}, True, ""),
        ({"source": Levels(-100, silent_seconds=6)}, False, ""),
        ({"source": Levels(0, clipped=0.01)}, True, "the microphone clips"),
        ({"source": Levels(0, clipped=0.0002)}, True, ""),
        ({"grown": True, "figures": LiveFigures(block_seconds=0.9)}, True, "grown to 0.9 s"),
        ({"figures": LiveFigures(waiting_seconds=3, block_seconds=0.9)}, True, "--mode phrase"),
        ({"figures": LiveFigures(lost_seconds=1)}, True, "--decoder fast"),
    ],
)
def test_hints(changes: dict[str, object], microphone: bool, says: str) -> None:
    told = live_line.hint(replace(FINE, **changes), microphone)  # type: ignore[arg-type]
    assert says in told and bool(says) == bool(told)
