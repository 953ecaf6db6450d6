"""The manifest of an archive's conversion: what became of every input, in JSON lines beside the outputs.

Lines are only ever appended; the last one about an input counts. A line that a kill cut off is ignored. Each process of
a shared archive writes a file of its own and reads those of all, so that no two append to one.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO

from nuanced_speech.convert.shard import Shard
from nuanced_speech.core.errors import ContentError, UserError, reading
from nuanced_speech.core.files import lock

PATTERN = "manifest*.jsonl"
PENDING, DONE, FAILED = "pending", "done", "failed"


@dataclass(frozen=True)
class Entry:
    """What is known of one input.

    Attributes:
        input, output: paths within the two folders, with slashes.
        state: ``pending``, ``done`` or ``failed``.
        reason: why it failed, in one line.
        no_speech: it failed for lack of speech alone.
        options: digest of the options that it was converted with.
        bytes, modified: size of the input and its time of change (ns), by which an unchanged one is known.
        sha256: sum of the input, for one whose time has changed.
        written: bytes of the output.
        seconds: length of the input.
        time: when this was noted, seconds since 1970.
    """

    input: str
    output: str
    state: str = PENDING
    reason: str = ""
    no_speech: bool = False
    options: str = ""
    bytes: int = 0
    modified: int = 0
    sha256: str = ""
    written: int = 0
    seconds: float = 0.0
    time: float = 0.0


class Manifest:
    """The entries of an output folder, and the file that this process appends to; used as a context.

    Args:
        folder: of the outputs; it is there already.
        shard: this process's share; None for the whole.

    Raises:
        UserError: a file that is no manifest; on entering, one that cannot be written or that another process has.
    """

    def __init__(self, folder: Path, shard: Shard | None = None) -> None:
        self.path = folder / ("manifest.jsonl" if shard is None else f"manifest-{shard.index}-of-{shard.count}.jsonl")
        self.entries = read(folder)
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Manifest:
        try:
            self._file = self.path.open("a+b")
            advice = "wait for it, or share the work by `shard`"
            lock(self._file, f"{self.path} is in use: another process converts into this folder; {advice}")
            # what a kill cut off stays a line of its own
            self._file.seek(0, os.SEEK_END)
            if self._file.tell():
                self._file.seek(-1, os.SEEK_END)
                if self._file.read(1) != b"\n":
                    self._write(b"\n")
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}") from error
        return self

    def __exit__(self, *_: object) -> None:
        assert self._file is not None
        self._file.close()
        self._file = None

    def add(self, *entries: Entry) -> None:
        """Note entries; they are on the disk when this returns.

        Raises:
            UserError: they cannot be written.
        """
        lines = "".join(json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries)
        try:
            self._write(lines.encode())
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}") from error
        self.entries |= {entry.input: entry for entry in entries}

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        self._file.write(data)
        self._file.flush()
        os.fsync(self._file.fileno())


def read(folder: Path) -> dict[str, Entry]:
    """The last entry of every input, by its path, from all manifests of a folder.

    Raises:
        UserError: a file that is no manifest.
    """
    entries: dict[str, Entry] = {}
    for path in sorted(folder.glob(PATTERN)):
        with reading(path, "a manifest", "move it away, and all is converted again"):
            for line in path.read_bytes().splitlines():
                entry = _parsed(line)
                if entry and (entry.input not in entries or entries[entry.input].time <= entry.time):
                    entries[entry.input] = entry
    return entries


def _parsed(line: bytes) -> Entry | None:
    """The entry of a line; None for one that was cut off."""
    try:
        values = json.loads(line)
    except ValueError:
        return None
    if not isinstance(values, dict):
        return None
    entry = Entry(**values)
    for field in fields(entry):
        value = getattr(entry, field.name)
        if not isinstance(value, str if field.type == "str" else (int, float)):
            raise ContentError(f"{field.name} is something else")
    return entry
