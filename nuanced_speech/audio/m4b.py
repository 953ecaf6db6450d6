"""Audiobooks: AAC in an MP4 container with chapters, title, author and cover (``.m4b``)."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from nuanced_speech.audio.limiter import COMPRESSED_CEILING, LimiterConfig, limited
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import check_replaceable, replacing

SUFFIX = ".m4b"
BITS_PER_SECOND = 64_000
# At this rate the default coder raises single peaks by up to 45 %, this one by 2 %.
CODER = "fast"
_FRAME = 1 << 15
_COVER_CODECS = {b"\xff\xd8\xff": "mjpeg", b"\x89PNG": "png"}


@dataclass(frozen=True)
class ChapterMark:
    """A title, and the samples at 24 kHz that the chapter begins and ends at."""

    title: str
    start: int
    end: int


@dataclass(frozen=True)
class BookTags:
    """What the file says of itself; ``comment`` is the mark of synthetic speech."""

    title: str = ""
    author: str = ""
    comment: str = ""
    cover: bytes | None = None


def check_writable(path: str | os.PathLike[str]) -> None:
    """Check an audiobook to write, before long work.

    Raises:
        UserError: it cannot be written, or PyAV is not installed.
    """
    if find_spec("av") is None:
        raise UserError("audiobooks (.m4b) need the package PyAV: pip install av")
    check_replaceable(path)


def write(path: Path, chunks: Iterable[np.ndarray], chapters: Sequence[ChapterMark], tags: BookTags) -> None:
    """Write an audiobook in bounded memory. The file appears only when it is complete.

    Args:
        path: file to write.
        chunks: sound ``[T]`` at 24 kHz; a look-ahead limiter keeps the true peak of the book below -1 dBFS.
        chapters: in order.
        tags: title, author, mark, and cover (JPEG or PNG; anything else is left out).

    Raises:
        UserError: the path cannot be written, or the disk is full.
    """
    check_writable(path)
    import av

    with replacing(path) as temporary:
        try:
            _write(str(temporary), chunks, chapters, tags)
        except av.FFmpegError as error:
            raise UserError(f"{path} could not be written: {error.strerror}") from error


def _write(path: str, chunks: Iterable[np.ndarray], chapters: Sequence[ChapterMark], tags: BookTags) -> None:
    import av

    named = {"title": tags.title, "album": tags.title, "artist": tags.author, "comment": tags.comment}
    with av.open(path, "w", format="mp4", options={"brand": "M4B ", "movflags": "+faststart"}) as container:
        container.metadata.update({key: value for key, value in (named | {"genre": "Audiobook"}).items() if value})
        stream = container.add_stream(
            "aac", rate=SAMPLE_RATE, layout="mono", bit_rate=BITS_PER_SECOND, options={"aac_coder": CODER}
        )
        container.set_chapters(
            [
                {
                    "id": number,
                    "start": mark.start,
                    "end": mark.end,
                    "time_base": Fraction(1, SAMPLE_RATE),
                    "metadata": {"title": mark.title},
                }
                for number, mark in enumerate(chapters)
            ]
        )
        if tags.cover is not None:
            _add_cover(container, tags.cover)
        position = 0
        for chunk in limited(chunks, SAMPLE_RATE, LimiterConfig(COMPRESSED_CEILING)):
            for start in range(0, len(chunk), _FRAME):
                block = chunk[start : start + _FRAME]
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block[None]), format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, position, Fraction(1, SAMPLE_RATE)
                position += len(block)
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _add_cover(container, picture: bytes) -> None:  # type: ignore[no-untyped-def]
    """A picture as a stream of one frame, which players show as the cover."""
    import av
    from av.stream import Disposition

    codec = next((codec for start, codec in _COVER_CODECS.items() if picture.startswith(start)), None)
    if codec is None:
        return
    stream = container.add_stream(codec)
    # the file itself is the frame; width and height stand in it
    stream.width, stream.height = 16, 16
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "rgb24"
    stream.time_base, stream.disposition = Fraction(1, 90_000), Disposition.attached_pic
    packet = av.Packet(picture)
    packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, 0, 0, True
    packet.time_base = Fraction(1, 90_000)
    container.start_encoding()
    container.mux(packet)
