"""Files as blocks of samples: libsndfile's formats by soundfile, all others that FFmpeg reads by PyAV."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from nuanced_speech.audio.ogg import ogg_links
from nuanced_speech.core.errors import UserError

PLAUSIBLE_RATES = range(1000, 1_000_001)
MOST_CHANNELS = 64
# Suffixes of sound and video that libsndfile does not read and FFmpeg does.
AV_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("m4a", "m4b", "aac", "mp4", "m4v", "mov", "wma", "wmv", "webm", "mkv", "mka", "avi", "amr", "3gp"),
        *("ac3", "ape", "wv", "mpc", "flv", "ts", "mpg", "mpeg"),
    )
)
# FFmpeg's formats that hold sound themselves. Play lists are none: they name other files and addresses.
_FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,"
    "mpc,mpc8,mpeg,mpegts,ogg,opus,rm,tta,voc,w64,wav,wv"
)
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}


@dataclass(frozen=True)
class SoundStream:
    """Sound of one rate in a file.

    Attributes:
        sample_rate: Hz.
        channels: at least one.
        frames: as many as the file announces; 0 where it does not tell.
        blocks: from the beginning, float32 ``[n, channels]`` of about so many frames each; raises UserError where the
            file is damaged.
    """

    sample_rate: int
    channels: int
    frames: int
    blocks: Callable[[int], Iterator[np.ndarray]]


def sound_streams(path: Path) -> list[SoundStream]:
    """The sound of a file that exists: one stream, or several that follow each other in a chained Ogg file.

    Raises:
        UserError: no sound that can be read, or of an absurd rate or number of channels.
    """
    try:
        streams = _by_libsndfile(path)
    except (soundfile.LibsndfileError, TypeError):  # TypeError: headerless data, known by the suffix only
        streams = [av_stream(path)]
    for stream in streams:
        if stream.sample_rate not in PLAUSIBLE_RATES:
            raise UserError(
                f"{path} announces a sample rate of {stream.sample_rate} Hz, so it is damaged or not speech"
            )
        if not 1 <= stream.channels <= MOST_CHANNELS:
            raise UserError(f"{path} has {stream.channels} channels: at most {MOST_CHANNELS} are possible")
    return streams


def comment_of(path: Path) -> str:
    """The comment in the metadata of a file that exists; empty where there is none.

    Raises:
        UserError: neither sound nor video.
    """
    try:
        with soundfile.SoundFile(path) as file:
            return str(file.comment)
    except (soundfile.LibsndfileError, TypeError):
        import av

        with _explained(path), av.open(f"file:{path}", options=_OPTIONS) as container:
            return next((value for name, value in container.metadata.items() if name.lower() == "comment"), "")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """FFmpeg's errors as one of a user."""
    import av

    try:
        yield
    except (av.error.FFmpegError, ValueError, MemoryError) as error:
        raise UserError(
            f"{path} is not audio that can be read: use a WAV, FLAC, OGG, MP3, M4A or similar file, or a video"
        ) from error


def _by_libsndfile(path: Path) -> list[SoundStream]:
    links = ogg_links(path) if path.suffix.lower() in (".ogg", ".oga", ".opus") else []
    sources = [partial(_part, path, *link) for link in links] if len(links) > 1 else [partial(str, path)]
    streams: list[SoundStream] = []
    for source in sources:
        # the last stream of a file that is cut short may have no sound
        with suppress(*[soundfile.LibsndfileError][: len(streams)]), soundfile.SoundFile(source()) as file:
            blocks = partial(_soundfile_blocks, path, source)
            streams.append(SoundStream(file.samplerate, file.channels, file.frames, blocks))
    return streams


def _part(path: Path, begin: int, end: int) -> io.BytesIO:
    with open(path, "rb") as file:
        file.seek(begin)
        return io.BytesIO(file.read(end - begin))


def _soundfile_blocks(path: Path, source: Callable[[], Any], size: int) -> Iterator[np.ndarray]:
    position = 0
    with soundfile.SoundFile(source()) as file:
        while True:
            try:
                block = file.read(size, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                at = position / file.samplerate
                raise UserError(f"{path} is damaged: it cannot be decoded beyond {at:.1f} s") from error
            if len(block) == 0:
                return
            position += len(block)
            yield block


def av_stream(path: Path) -> SoundStream:
    """The sound of a file by FFmpeg's libraries; raises UserError as ``sound_streams``."""
    import av

    with _explained(path), av.open(f"file:{path}", options=_OPTIONS) as container:
        if not container.streams.audio:
            raise UserError(f"{path} holds no sound: use a recording, or a video with sound")
        stream = container.streams.audio[0]
        # a damaged header may name a codec that FFmpeg has no decoder for
        if stream.codec_context is None:
            raise ValueError("no decoder")
        rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
        seconds = (stream.duration or 0) * float(stream.time_base or 0)
    # of a length in a header only what is plausible is believed
    frames = round(seconds * rate) if 0 < seconds < path.stat().st_size else 0
    return SoundStream(rate, channels, frames, partial(_av_blocks, path))


def _av_blocks(path: Path, size: int) -> Iterator[np.ndarray]:
    import av

    waiting: list[np.ndarray] = []
    position, rate = 0, 1
    try:
        with av.open(f"file:{path}", options=_OPTIONS) as container:
            stream = container.streams.audio[0]
            context = stream.codec_context
            rate = context.sample_rate
            # one layout and rate from beginning to end, whatever the frames have
            resampler = av.AudioResampler("fltp", context.layout, rate)
            for packet in container.demux(stream):
                for frame in _frames(packet):
                    for piece in resampler.resample(frame):
                        waiting.append(piece.to_ndarray().T.astype(np.float32, copy=False))
                if sum(map(len, waiting)) >= size:
                    block = np.concatenate(waiting)
                    position, waiting = position + len(block), []
                    yield block
            for piece in resampler.resample(None):
                waiting.append(piece.to_ndarray().T.astype(np.float32, copy=False))
    except (av.error.FFmpegError, ValueError, MemoryError, IndexError) as error:
        raise UserError(f"{path} is damaged: it cannot be decoded beyond {position / rate:.1f} s") from error
    if waiting:
        yield np.concatenate(waiting)


def _frames(packet: Any) -> list[Any]:
    """The frames of a packet; none of one that is damaged, as players do."""
    import av

    with suppress(av.error.InvalidDataError):
        return list(packet.decode())
    return []
