"""``nuanced-speech plot``: names of files, and mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuanced_speech.cli import plot as command
from nuanced_speech.evaluate.recording_plot import PANELS


def test_the_default_is_all_panels() -> None:
    assert ",".join(PANELS) == command.PANELS


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.wav"], "does not exist"),
        (["clip.flac", "a.jpg"], ".png or .svg"),
        (["clip.flac", "nowhere/a.png"], "nowhere"),
        (["clip.flac", "a.png", "--panels", "mel,tone"], "--panels: unknown panel 'tone'"),
        (["clip.flac", "a.png", "--panels", ""], "at least one"),
        (
            ["clip.flac", "a.png", "--panels", "f0", "--formants"],
            "--formants: they are drawn on the spectrogram; add",
        ),
        (["clip.flac", "a.png", "--start", "50"], "nothing to draw"),
        (["empty.wav", "a.png"], "empty"),
    ],
)
def test_mistakes(
    clip: Path, arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    Path("clip.flac").write_bytes(clip.read_bytes())
    Path("empty.wav").touch()
    Path("a.png").write_bytes(b"what was there before")
    status, _, said = run("plot", *arguments)
    assert status == 1 and says in said and said.startswith("error: ") and said.count("\n") == 1
    assert Path("a.png").read_bytes() == b"what was there before" and len(list(tmp_path.iterdir())) == 3


def test_the_plot_is_named_after_the_recording(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    status, _, said = run("plot", clip, "--panels", ",".join(PANELS[:1]))
    assert status == 0 and "clip.png" in said
    assert [path.name for path in tmp_path.iterdir()] == ["clip.png"]
