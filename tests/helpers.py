"""Paths and words that several tests use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DATA = Path(__file__).parent / "data"
CLIP = DATA / "clip.flac"
"""Five seconds of real speech (16 kHz mono FLAC), whose words are ``CLIP_WORDS``."""
OTHER_SPEAKER = DATA / "other_speaker.flac"
"""Two and a half seconds of another real speaker than that of ``CLIP`` and ``SAMPLE``."""
CLIP_WORDS = "but a mob without any man at the head of it is beneath pitifulness"
SAMPLE = ROOT / "samples" / "huckleberry.flac"
"""Eight seconds of real speech."""


class Ended(NamedTuple):
    """A command that has run: its exit status, standard output and standard error."""

    status: int
    out: str
    err: str


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
