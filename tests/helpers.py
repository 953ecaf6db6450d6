"""Paths and words that several tests use."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[1]
DATA = Path(__file__).parent / "data"
CLIP = DATA / "clip.flac"
"""Five seconds of real speech (16 kHz mono FLAC), whose words are ``CLIP_WORDS``."""
OTHER_SPEAKER = DATA / "other_speaker.flac"
"""Two and a half seconds of another real speaker than that of ``CLIP`` and ``SAMPLE``."""
CLIP_WORDS = "but a mob without any man at the head of it is beneath pitifulness"
SAMPLE = ROOT / "samples" / "huckleberry.flac"
"""Eight seconds of real speech."""
TINY_EN = "whisper-tiny.en"
"""The smallest Whisper's name in the catalog."""


class Ended(NamedTuple):
    """A command that has run: its exit status, standard output and standard error."""

    status: int
    out: str
    err: str


def benchmark(name: str) -> ModuleType:
    """A script of ``benchmarks/`` as a module, loaded once."""
    full = f"benchmarks.{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, ROOT / "benchmarks" / f"{name}.py")
        assert spec is not None and spec.loader is not None
        # its data classes look for their module
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]


def interrupt_at(beginning: str) -> Callable[[str], None]:
    """What takes a run's lines for the user, and interrupts the run at the line that begins so."""

    def report(line: str) -> None:
        if line.startswith(beginning):
            raise KeyboardInterrupt

    return report


class Without:
    """An object whose other methods work, in a test that fails if one of them is called."""

    def __init__(self, whole: object, method: str) -> None:
        self._whole, self._method = whole, method

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            pytest.fail(f"{name} was called")
        return getattr(self._whole, name)


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """Yield a folder of an ordinary user and act as one: for root, no permission is ever denied."""
    uid = os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if uid == 0:
            os.chown(folder, 65534, -1)
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(uid)


def endless_recording(path: Path, size: int = 10**12) -> Path:
    """A W64 file of so many bytes, nearly all of them holes, which are samples of 8 bits at 1 kHz."""
    soundfile.write(path, np.zeros(10), 1000, "PCM_U8", format="W64")
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 16
    data[16:24], data[at : at + 8] = (n.to_bytes(8, "little") for n in (size, size - at + 16))
    path.write_bytes(data)
    os.truncate(path, size)
    return path


def broken_cache(folder: Path) -> None:
    """A cache of models in which Kokoro's file was cut short."""
    folder.mkdir()
    (folder / "kokoro.safetensors").write_bytes(b"cut")
    told = {"name": "kokoro", "source": "hub", "date": "2026", "bytes": 9}
    manifest = told | {"source_sha256": "0" * 64, "sha256": "0" * 64}
    (folder / "kokoro.json").write_text(json.dumps(manifest))
