"""Place of the cache of converted models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nuanced_speech.core.cache import cache_folder
from nuanced_speech.weights import store


def test_the_folder_that_the_environment_names_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("NUANCED_SPEECH_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    assert store.path("kokoro") == tmp_path / "own" / "kokoro.safetensors"
    monkeypatch.setenv("NUANCED_SPEECH_CACHE", "~/models")
    assert cache_folder() == tmp_path / "models"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these have other places for caches")
def test_caches_of_earlier_releases_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUANCED_SPEECH_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "nuanced-speech"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder() == tmp_path / ".cache" / "nuanced-speech"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / ".cache" / "nuanced-speech"


def test_asking_for_the_folder_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUANCED_SPEECH_CACHE", str(tmp_path / "own"))
    assert store.stored() == [] and not (tmp_path / "own").exists()


def test_importing_it_loads_no_numerical_library() -> None:
    program = (
        "import sys, nuanced_speech.weights.sources, nuanced_speech.weights.store; sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
