"""Copies of espeak-ng's library. phonemizer loads a copy in a temporary folder and removes it when Python ends, so a
process that is killed leaves it."""

import os
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from shutil import rmtree

# A younger copy may be one that its process has yet to load.
_SECONDS = 10


@cache
def remove_leftover_copies() -> None:
    """Remove this user's copies that no process has loaded; once in a process, and on Linux alone."""
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError):
        copies = [file for entry in os.scandir(tempfile.gettempdir()) if (file := _copy_in(entry)) is not None]
        if copies:
            loaded = _loaded_libraries()
            for file in copies:
                if str(file.resolve()) not in loaded:
                    rmtree(file.parent, ignore_errors=True)


def _copy_in(entry: os.DirEntry[str]) -> Path | None:
    """The copy in a folder that holds nothing else, if it is old enough."""
    if not entry.name.startswith("tmp") or not entry.is_dir(follow_symlinks=False):
        return None
    with suppress(OSError):
        files = [Path(file.path) for file in os.scandir(entry.path)]
        if len(files) == 1 and files[0].name.startswith("libespeak-ng") and entry.stat().st_uid == os.getuid():
            return files[0] if time.time() - files[0].stat().st_mtime > _SECONDS else None
    return None


def _loaded_libraries() -> set[str]:
    """Paths of all libraries that processes have loaded, as far as this user may read of them."""
    found: set[str] = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with suppress(OSError):
            found.update(line.split(maxsplit=5)[-1] for line in maps.read_text(errors="replace").splitlines())
    return found
