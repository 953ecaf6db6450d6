"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nuanced_speech.core.errors import UserError


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Raise UserError unless `replacing` can write `path`."""
    with suppress(_Unchanged), replacing(path):
        raise _Unchanged


class _Unchanged(Exception):
    """Leaves `replacing` without replacing anything."""


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the same folder with the same suffix; it becomes `path` if the block ends well.

    On any exception, an interrupt included, the temporary file is removed and `path` is left untouched. A symbolic
    link is followed. Raises UserError when the folder is missing or not writable, when `path` is a folder, and when
    it is an existing file that may not be written.
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    # Opened with plain flags, not tempfile, so that the result gets the permissions any new file would get.
    temporary = target.with_name(f".nuanced-speech-{secrets.token_hex(6)}{target.suffix}")
    try:
        if target.is_dir():
            raise UserError(f"{path} is a folder: give the name of a file to write")
        if not target.parent.is_dir():
            raise UserError(f"cannot write {path}: the folder {path.parent} does not exist; create it first")
        if target.is_file():
            os.close(os.open(target, os.O_WRONLY))
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        mode = temporary.stat().st_mode
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield temporary
        try:
            # safetensors puts a file of its own there, which only its owner may read
            temporary.chmod(mode)
            os.replace(temporary, target)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
