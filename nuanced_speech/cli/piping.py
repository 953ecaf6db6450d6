"""Standard input and output of ``convert`` and ``say``: recordings out of a pipe, and audio into one as it is made."""

import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import typer

from nuanced_speech import audio
from nuanced_speech.cli.arguments import STANDARD
from nuanced_speech.cli.signals import drop_output
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import temporary_folder

_BLOCK = 1 << 20
# Place of the sizes of a WAV file and of its samples where the length is unknown: players read "until the end".
_UNKNOWN = 0xFFFFFFFF


class Writer(Protocol):
    """Takes chunks ``[T]`` at 24 kHz, one after another."""

    def write(self, chunk: np.ndarray) -> None: ...


@contextmanager
def opened(out: str, comment: str, samples: int | None = None) -> Iterator[Writer]:
    """A writer to a file, or of WAV to standard output if ``out`` is ``-``; ``comment`` goes into the metadata.

    Args:
        samples: number of samples, if it is known: it is announced in a pipe.
    """
    if out != STANDARD:
        with audio.AudioWriter(out, comment=comment) as writer:
            yield writer
        return
    try:
        pipe = _PipedWav(sys.stdout.buffer, comment, samples)
        yield pipe
        pipe.close()
    except BrokenPipeError:
        # the player was closed: nothing can be flushed to it at exit either
        drop_output()
        raise typer.Exit(1) from None


def check_output(out: str | Path, what: str = "audio") -> None:
    """Refuse to write binary data to a terminal.

    Raises:
        UserError: ``out`` is ``-``, and standard output a terminal.
    """
    if str(out) == STANDARD and sys.stdout.isatty():
        raise UserError("standard output is a terminal: pipe it to a player, or name a file to write")


@contextmanager
def standard_input() -> Iterator[Path]:
    """All of standard input as a temporary file, which is removed afterwards.

    Raises:
        UserError: standard input is a terminal, or the disk is full.
    """
    if sys.stdin.isatty():
        raise UserError("standard input is a terminal: pipe a recording to it, or name a file")
    with temporary_folder() as folder:
        path = folder / "standard-input"
        try:
            with path.open("wb") as file:
                while block := sys.stdin.buffer.read(_BLOCK):
                    file.write(block)
        except OSError as error:
            raise UserError(f"standard input cannot be kept in {folder}: {error.strerror}") from error
        yield path


class _PipedWav:
    """WAV of 16 bits. Where the length is unknown, the sizes in its header are the largest possible.

    In a file that standard output was sent to, they are set when the length is known.
    """

    def __init__(self, pipe: BinaryIO, comment: str, samples: int | None = None) -> None:
        self.pipe = pipe
        self.start = _place(pipe)
        self.written = 0
        text = comment.encode() + b"\0"
        text += b"\0" * (len(text) % 2)
        info = b"INFOICMT" + struct.pack("<I", len(text)) + text
        form = struct.pack("<IHHIIHH", 16, 1, 1, audio.SAMPLE_RATE, 2 * audio.SAMPLE_RATE, 2, 16)
        self.marked = b"WAVEfmt " + form + b"LIST" + struct.pack("<I", len(info)) + info + b"data"
        self.announced = samples
        whole, data = self._sizes(samples)
        pipe.write(b"RIFF" + whole + self.marked + data)
        pipe.flush()

    def _sizes(self, samples: int | None) -> tuple[bytes, bytes]:
        """Size of what follows in the file, and of the samples; what 32 bits cannot hold counts as unknown."""
        data = _UNKNOWN if samples is None else 2 * samples
        whole = len(self.marked) + 4 + data
        data, whole = (data, whole) if whole < _UNKNOWN else (_UNKNOWN, _UNKNOWN)
        return struct.pack("<I", whole), struct.pack("<I", data)

    def write(self, chunk: np.ndarray) -> None:
        samples = audio.to_int16(chunk).astype("<i2")
        self.pipe.write(samples.tobytes())
        self.pipe.flush()
        self.written += len(samples)

    def close(self) -> None:
        """Set the sizes, if they are not right already and the output is a file."""
        if self.start is None or self.announced == self.written:
            return
        whole, data = self._sizes(self.written)
        end = self.pipe.tell()
        self.pipe.seek(self.start + 4)
        self.pipe.write(whole)
        self.pipe.seek(self.start + 8 + len(self.marked))
        self.pipe.write(data)
        self.pipe.seek(end)
        self.pipe.flush()


def _place(pipe: BinaryIO) -> int | None:
    """Where a file begins that can be written again; None for a pipe, and for a file that is appended to."""
    with suppress(OSError, ValueError, ImportError, AttributeError):
        from fcntl import F_GETFL, fcntl

        if pipe.seekable() and not fcntl(pipe.fileno(), F_GETFL) & os.O_APPEND:
            return pipe.tell()
    return None


def write_out(wave: np.ndarray, suffix: str, comment: str) -> None:
    """A waveform ``[T]`` at 24 kHz to standard output, in the format of a suffix.

    Raises:
        UserError: the disk is full, where a format needs a file to be made in.
    """
    if suffix == ".wav":
        with opened(STANDARD, comment, len(wave)) as writer:
            writer.write(wave)
        return
    with temporary_folder() as folder:
        path = folder / f"standard-output{suffix}"
        audio.write(path, wave, comment=comment)
        try:
            sys.stdout.buffer.write(path.read_bytes())
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            drop_output()
            raise typer.Exit(1) from None
