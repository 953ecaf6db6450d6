"""How long recordings are, by what their headers say: an estimate before long work."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nuanced_speech.audio.decoding import sound_streams
from nuanced_speech.core.errors import UserError

# Recordings of an archive whose headers are read; the others are taken to be as long for their size.
SAMPLE = 200


@dataclass(frozen=True)
class Lengths:
    """Estimated seconds of all recordings together, and of the longest of those whose headers were read."""

    total: float
    longest: float


def announced_lengths(paths: Sequence[Path], sample: int = SAMPLE) -> Lengths:
    """The lengths of recordings by their headers; those that cannot be read count as empty.

    Args:
        paths: files.
        sample: most files whose headers are read.
    """
    read = [paths[number * len(paths) // min(len(paths), sample)] for number in range(min(len(paths), sample))]
    seconds = [_announced(path) for path in read]
    bytes_of_all, bytes_of_read = (sum(map(_size, files)) for files in (paths, read))
    return Lengths(sum(seconds) * bytes_of_all / (bytes_of_read or 1), max(seconds, default=0.0))


def _announced(path: Path) -> float:
    with suppress(UserError, OSError):
        return sum(stream.frames / stream.sample_rate for stream in sound_streams(path))
    return 0.0


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
