"""Figures, and the message where matplotlib is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nuanced_speech.core import plotting
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.plotting import new_figure, require_matplotlib


def test_a_figure_can_be_saved_without_a_screen(tmp_path) -> None:  # type: ignore[no-untyped-def]
    require_matplotlib()
    new_figure(figsize=(1, 1)).savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotting, "find_spec", lambda name: None)
    for function in (require_matplotlib, new_figure):
        with pytest.raises(UserError, match=r'pip install "nuanced-speech\[plots\]"') as caught:
            function()
        assert "\n" not in str(caught.value)


def test_modules_that_plot_import_without_matplotlib() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None;"
        "import nuanced_speech.evaluate.plots, nuanced_speech.evaluate.recording_plot, nuanced_speech.evaluate.tables,"
        "nuanced_speech.evaluate.summary, nuanced_speech.evaluate.voice_report, nuanced_speech.voicemaking.voice_map"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
