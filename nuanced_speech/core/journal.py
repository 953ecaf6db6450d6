"""Long work that goes on where it was broken off: its finished parts in a work folder beside the output.

The folder holds the sound of all parts in one file that only grows, a line of JSON for each part, and what the work is.
A part counts from when its line is on the disk, and its sound is there before; a kill loses the part under way.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import lock

SUFFIX = ".work"
_WORK, _PARTS, _SOUND = "work.json", "parts.jsonl", "sound.f32"
_SAMPLE = np.dtype("<f4")
# Samples that are read at once.
_BLOCK = 1 << 18


def work_folder(output: Path) -> Path:
    """The work folder of an output."""
    return output.with_name(output.name + SUFFIX)


class Journal:
    """The finished parts of a work, used as a context. What a kill cut off is removed on entering.

    Args:
        folder: the work folder; made on entering.
        work: what is done, as JSON takes it. Parts of another work are thrown away.

    Attributes:
        notes: what ``add`` was given for each part.

    Raises:
        UserError: on entering, a folder that cannot be written, or that another process works in.
    """

    def __init__(self, folder: Path, work: Mapping[str, Any]) -> None:
        self.folder, self.work = folder, json.loads(json.dumps(dict(work)))
        self.notes: list[Any] = []
        self._samples: list[int] = []

    def __enter__(self) -> Journal:
        try:
            self._open()
        except OSError as error:
            raise UserError(f"cannot write {self.folder}: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for file in (self._sound, self._lines):
            with suppress(OSError):
                file.close()

    @property
    def samples(self) -> int:
        """Samples of all parts together."""
        return sum(self._samples)

    def add(self, sound: np.ndarray, note: Any) -> None:
        """Keep a part; it is on the disk when this returns.

        Args:
            sound: ``[T]`` float32; may be empty.
            note: anything that JSON takes.

        Raises:
            UserError: the disk is full, or the folder is gone.
        """
        sound = np.ascontiguousarray(sound, _SAMPLE)
        line = json.dumps({"samples": len(sound), "note": note}, ensure_ascii=False) + "\n"
        try:
            for file, data in ((self._sound, sound.tobytes()), (self._lines, line.encode())):
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if not self.folder.exists():
                raise FileNotFoundError(2, "the folder is gone")
        except OSError as error:
            raise UserError(f"cannot write {self.folder}: {error.strerror}") from error
        self.notes.append(note)
        self._samples.append(len(sound))

    def length(self, part: int) -> int:
        """Samples of a part."""
        return self._samples[part]

    def sound(self, part: int) -> np.ndarray:
        """The sound of a part, ``[T]`` float32."""
        start = sum(self._samples[:part])
        return np.fromfile(self.folder / _SOUND, _SAMPLE, self._samples[part], offset=start * _SAMPLE.itemsize)

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[np.ndarray]:
        """The sound of all parts, or that from one sample to another, in order and in bounded memory."""
        left = (self.samples if end is None else end) - start
        with (self.folder / _SOUND).open("rb") as file:
            file.seek(start * _SAMPLE.itemsize)
            while left > 0 and len(block := np.fromfile(file, _SAMPLE, min(_BLOCK, left))):
                left -= len(block)
                yield block

    def remove(self) -> None:
        """Remove the work folder, when the output is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _open(self) -> None:
        work, lines, sound = (self.folder / name for name in (_WORK, _PARTS, _SOUND))
        self.folder.mkdir(exist_ok=True)
        self._lines: IO[bytes] = lines.open("a+b")
        try:
            lock(self._lines, f"{self.folder} is in use: another process makes the same output; wait for it")
        except UserError:
            self._lines.close()
            raise
        self._sound: IO[bytes] = sound.open("ab")
        if _read_work(work) == self.work:
            self._lines.seek(0)
            end, room = 0, sound.stat().st_size // _SAMPLE.itemsize
            for line in self._lines:
                part = _read_line(line)
                if part is None or part[0] > room:
                    break
                end, room = end + len(line), room - part[0]
                self._samples.append(part[0])
                self.notes.append(part[1])
        else:
            end = 0
            for entry in self.folder.iterdir():  # what other parts of the work have kept there
                if entry.is_dir():
                    shutil.rmtree(entry)
                elif entry not in (lines, sound):
                    entry.unlink()
        os.truncate(lines, end)
        os.truncate(sound, self.samples * _SAMPLE.itemsize)
        temporary = work.with_suffix(".new")
        temporary.write_text(json.dumps(self.work, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, work)


def _read_work(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _read_line(line: bytes) -> tuple[int, Any] | None:
    """Samples and note of a line; None for one that was cut off or damaged."""
    try:
        values = json.loads(line)
        samples, note = values["samples"], values["note"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return (samples, note) if line.endswith(b"\n") and isinstance(samples, int) and samples >= 0 else None
