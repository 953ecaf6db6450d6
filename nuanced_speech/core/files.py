"""Files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, EFBIG, EIO, ENOSPC, EROFS
from functools import cache
from pathlib import Path
from typing import IO, Any

from nuanced_speech.core.errors import UserError

# What a disk answers that takes no more, whichever file the error names.
NO_ROOM = (ENOSPC, EDQUOT, EFBIG, EIO, EROFS)
# Bytes that are written to find out whether there is room: more than a file system rounds up to.
_PROBE = 1 << 20
_BLOCK = 1 << 20
_NAME = re.compile(r"\.nuanced-speech-([0-9a-f]{8})-(\d+)-")


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Raise UserError unless `replacing` can write `path`."""
    with suppress(_Unchanged), replacing(path):
        raise _Unchanged


class _Unchanged(Exception):
    """Leaves `replacing` without replacing anything."""


def check_apart(output: str | os.PathLike[str], *inputs: str | os.PathLike[str] | None) -> None:
    """Check that a file to write is none of those that are read or written besides; None stands for one that is not
    given.

    Raises:
        UserError: it is one of them.
    """
    output = Path(output)
    for path in inputs:
        if path is not None and _same(output, Path(path)):
            raise UserError(f"{output} is read or written besides: give the output another name")


def _same(one: Path, other: Path) -> bool:
    """Whether two names are of one file, which may not be there yet."""
    try:
        return one.samefile(other) if one.exists() and other.exists() else one.resolve() == other.resolve()
    except (OSError, ValueError, RuntimeError):  # what cannot be looked at is refused where it is read or written
        return False


def check_makeable(folder: Path) -> None:
    """Check that a folder is there or can be made, and make nothing.

    Raises:
        UserError: it cannot be made.
    """
    present = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not present.is_dir():
        raise UserError(f"{folder}: cannot make this folder ({present} is a file)")
    if not os.access(present, os.W_OK | os.X_OK):
        raise UserError(f"{folder}: cannot make or write this folder ({present}: Permission denied)")


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing, with those above it.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot make this folder ({error.strerror})") from error


def check_room(folder: Path, needed: int) -> None:
    """Check that a disk has room for long work.

    Args:
        folder: where the work is done.
        needed: bytes, estimated.

    Raises:
        UserError: it has less.
    """
    with suppress(OSError):
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise UserError(f"{folder}: about {needed / 1e9:.1f} GB are needed, and {free / 1e9:.1f} GB are free")


def sha256(parts: Iterable[Path]) -> str:
    """Sum of files joined in order."""
    total = hashlib.sha256()
    for part in parts:
        with part.open("rb") as file:
            while block := file.read(_BLOCK):
                total.update(block)
    return total.hexdigest()


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder and below it; 0 where there is none."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # another process may remove it
            total += path.stat().st_size if path.is_file() else 0
    return total


def lock(file: IO[Any], refusal: str) -> None:
    """Keep other processes of this machine away from an open file until it is closed; without effect on Windows.

    Raises:
        UserError: with the text of ``refusal``, another process has it.
    """
    with suppress(ImportError):
        from fcntl import LOCK_EX, LOCK_NB, flock

        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            raise UserError(refusal) from error


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the same folder with the same suffix; it becomes `path` if the block ends well.

    On any exception, an interrupt included, the temporary file is removed and `path` is left untouched. What a process
    that was killed has left in the folder is removed too. A symbolic link is followed. Raises UserError when the folder
    is missing or not writable, when `path` is a folder, when it is an existing file that may not be written, and when
    the disk takes no more while the block writes, whatever a library makes of that.
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    # Opened with plain flags, not tempfile, so that the result gets the permissions any new file would get.
    temporary = target.with_name(f"{_prefix()}{secrets.token_hex(6)}{target.suffix}")
    try:
        if target.is_dir():
            raise UserError(f"{path} is a folder: give the name of a file to write")
        if not target.parent.is_dir():
            raise UserError(f"cannot write {path}: the folder {path.parent} does not exist; create it first")
        if target.exists() and not target.is_file():
            raise UserError(f"{path} is a device or a pipe: give the name of a file to write")
        if target.is_file():
            os.close(os.open(target, os.O_WRONLY))
        remove_leftovers(target.parent)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    try:
        mode = temporary.stat().st_mode
        try:
            yield temporary
        except UserError:
            raise
        except Exception as error:
            reason = None if isinstance(error, _Unchanged) else _write_failure(error, temporary)
            if reason is None:
                raise
            raise UserError(f"cannot write {path}: {reason}") from error
        try:
            # safetensors puts a file of its own there, which only its owner may read
            temporary.chmod(mode)
            os.replace(temporary, target)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from error
    finally:
        # of a folder that is gone nothing is left to remove
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def temporary_folder(place: Path | None = None) -> Iterator[Path]:
    """A folder that is gone after the block; what processes of this machine left when they were killed goes first.

    Args:
        place: where it is made; the system's folder for temporary files if omitted.

    Raises:
        UserError: it cannot be made.
    """
    place = place or Path(tempfile.gettempdir())
    remove_leftovers(place)
    try:
        folder = tempfile.TemporaryDirectory(prefix=_prefix(), dir=place)
    except OSError as error:
        raise UserError(f"cannot make a temporary folder in {place}: {error.strerror}") from error
    with folder as name:
        yield Path(name)


@cache
def remove_leftovers(folder: Path) -> None:
    """Remove temporary files and folders that processes of this machine left in a folder when they were killed.

    Only once in a process, since a folder may be large. What is another machine's or user's, or of a process that
    lives, stays.
    """
    with suppress(OSError):
        for entry in os.scandir(folder):
            match = _NAME.match(entry.name)
            if match and match[1] == _machine() and not _lives(int(match[2])):
                with suppress(OSError):
                    _remove_own(entry)


def _remove_own(entry: os.DirEntry[str]) -> None:
    if not entry.is_dir(follow_symlinks=False):
        os.unlink(entry.path)
    elif os.name == "nt" or entry.stat(follow_symlinks=False).st_uid == os.getuid():
        shutil.rmtree(entry.path, ignore_errors=True)


def _prefix() -> str:
    return f".nuanced-speech-{_machine()}-{os.getpid()}-"


@cache
def _machine() -> str:
    """This machine in eight characters: a number of a process says nothing about those of others on a shared disk."""
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _lives(process: int) -> bool:
    if os.name == "nt":  # where signal 0 is Ctrl-C
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _write_failure(error: Exception, temporary: Path) -> str | None:
    """Why a file could not be written; None if the error has another cause.

    Libraries hide it in errors of their own (torch, safetensors), so that writing is tried once more.
    """
    if isinstance(error, OSError):
        ours = error.filename is not None and os.fspath(error.filename) == os.fspath(temporary)
        return error.strerror if error.errno in NO_ROOM or ours else None
    try:
        with temporary.open("ab") as file:
            file.write(b"\0" * _PROBE)
    except OSError as full:
        return full.strerror
    return None
