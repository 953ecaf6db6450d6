"""The output of ``say``: an audio file, or WAV on standard output while it is being made."""

import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol

import numpy as np
import typer

from nuanced_speech import audio


class Writer(Protocol):
    """Takes chunks ``[T]`` at 24 kHz, one after another."""

    def write(self, chunk: np.ndarray) -> None: ...


@contextmanager
def opened(out: str, comment: str) -> Iterator[Writer]:
    """A writer to a file, or to standard output if ``out`` is ``-``; ``comment`` goes into the metadata."""
    if out != "-":
        with audio.AudioWriter(out, comment=comment) as writer:
            yield writer
        return
    try:
        yield _PipedWav(sys.stdout.buffer, comment)
    except BrokenPipeError:
        # the player was closed: nothing can be flushed to it at exit either
        sys.stdout = None
        raise typer.Exit(1) from None


class _PipedWav:
    """WAV of unknown length: its sizes are the largest possible, which players read as "until the end"."""

    def __init__(self, pipe: BinaryIO, comment: str) -> None:
        self.pipe = pipe
        rate, unknown = audio.SAMPLE_RATE, 0xFFFFFFFF
        form = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
        size = struct.pack("<I", unknown)
        text = comment.encode() + b"\0"
        text += b"\0" * (len(text) % 2)
        info = b"INFOICMT" + struct.pack("<I", len(text)) + text
        marked = b"LIST" + struct.pack("<I", len(info)) + info
        pipe.write(b"RIFF" + size + b"WAVEfmt " + form + marked + b"data" + size)
        pipe.flush()

    def write(self, chunk: np.ndarray) -> None:
        self.pipe.write(audio.to_int16(chunk).astype("<i2").tobytes())
        self.pipe.flush()
