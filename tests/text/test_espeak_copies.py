"""Copies of espeak-ng's library that killed processes left are removed, and no others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the copies are removed on Linux")
# A process with a copy of the library, which waits.
LOADS = """
import misaki.espeak, time
from nuanced_speech.text.espeak_copies import remove_leftover_copies
from phonemizer.backend.espeak.api import EspeakAPI
import espeakng_loader
remove_leftover_copies()
api = EspeakAPI(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
print("loaded", flush=True)
time.sleep(WAIT)
"""


def start(folder: Path, seconds: int) -> subprocess.Popen[str]:
    code = LOADS.replace("WAIT", str(seconds))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(folder)}
    )
    assert process.stdout is not None and process.stdout.readline() == "loaded\n"
    return process


def copies(folder: Path) -> set[Path]:
    found = set(folder.glob("tmp*/libespeak-ng*"))
    for file in found:  # as if they were there for long
        os.utime(file, (time.time() - 60,) * 2)
    return found


def test_what_a_kill_left_is_removed_and_what_is_loaded_stays(tmp_path: Path) -> None:
    other = tmp_path / "tmp-of-another-program"
    other.mkdir()
    (other / "libespeak-ng.so").touch()
    (other / "notes.txt").touch()
    living, killed = start(tmp_path, 60), start(tmp_path, 60)
    before = copies(tmp_path)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert len(before) == 3
    try:
        last = start(tmp_path, 0)
        last.wait()
        left = {file.parent for file in copies(tmp_path)}
        assert len(left) == 2 and other in left
        maps = Path(f"/proc/{living.pid}/maps").read_text()
        assert any(str(folder) in maps for folder in left)
    finally:
        living.terminate()
        living.wait()
    assert last.returncode == 0
