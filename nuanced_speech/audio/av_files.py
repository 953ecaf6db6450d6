"""Files that FFmpeg's libraries write (PyAV): M4A, and videos with another sound."""

from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np

# Container and codec for each suffix.
SOUND_FORMATS = {".m4a": ("ipod", "aac")}
# Videos, with the codec of their sound.
VIDEO_FORMATS = {
    ".mp4": ("mp4", "aac"),
    ".m4v": ("mp4", "aac"),
    ".mov": ("mov", "aac"),
    ".mkv": ("matroska", "aac"),
    ".webm": ("webm", "libopus"),
}
BIT_RATE = 96_000


class AvFile:
    """One mono sound file that is being written, in the form of ``soundfile.SoundFile``.

    Args:
        path: the file.
        sample_rate: Hz.
        container: FFmpeg's name of it.
        codec: FFmpeg's name of the encoder.
        comment: for the metadata.
        delay: seconds of time before the first sample.
    """

    subtype = "FLOAT"

    def __init__(
        self, path: Path, sample_rate: int, container: str, codec: str, comment: str = "", delay: float = 0.0
    ) -> None:
        import av

        self.sample_rate, self._position = sample_rate, round(delay * sample_rate)
        # typed as input and as a stream of any kind
        self._container: Any = av.open(str(path), "w", format=container)
        if comment:
            self._container.metadata["comment"] = comment
        self._stream = cast(Any, self._container.add_stream(codec, rate=sample_rate, layout="mono"))
        self._stream.bit_rate = BIT_RATE

    def write(self, block: np.ndarray) -> None:
        """Append samples ``[T]``, float32."""
        import av

        if not len(block):
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block, np.float32)[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = self.sample_rate, self._position, Fraction(1, self.sample_rate)
        self._position += len(block)
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def close(self) -> None:
        """Write what is left, once."""
        container, self._container = self._container, None
        if container is not None:
            for packet in self._stream.encode(None):
                container.mux(packet)
            container.close()


def video_start(path: Path) -> float | None:
    """When the sound of a video begins, in seconds from its picture's beginning; None for what is no video."""
    import av

    try:
        with av.open(f"file:{path}") as container:
            videos = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
            if not videos or not container.streams.audio:
                return None
            sound, picture = container.streams.audio[0], videos[0]
            start, base = sound.start_time or 0, sound.time_base or Fraction(1)
            return float(start * base) - float((picture.start_time or 0) * (picture.time_base or Fraction(1)))
    except (av.error.FFmpegError, ValueError):
        return None


def replace_sound(video: Path, sound: Path, out: Path, container: str, comment: str) -> None:
    """Write a video with the sound of a file in place of its own; its pictures and subtitles are copied.

    Raises:
        av.error.FFmpegError: the container cannot hold the streams.
    """
    import av

    with av.open(f"file:{video}") as pictures, av.open(f"file:{sound}") as speech:
        target = cast(Any, av.open(str(out), "w", format=container))
        with target:
            target.metadata.update(pictures.metadata)
            target.metadata["comment"] = comment
            copied = {s.index: target.add_stream_from_template(s) for s in pictures.streams.video}
            voice = target.add_stream_from_template(speech.streams.audio[0])
            waiting = (packet for packet in speech.demux(speech.streams.audio[0]) if packet.dts is not None)
            ahead = next(waiting, None)
            for packet in pictures.demux(*(pictures.streams[index] for index in copied)):
                if packet.dts is None:
                    continue
                # in order of time, so that no more than a moment is held in memory
                while ahead is not None and ahead.dts * ahead.time_base <= packet.dts * packet.time_base:
                    ahead.stream = voice
                    target.mux(ahead)
                    ahead = next(waiting, None)
                packet.stream = copied[packet.stream.index]
                target.mux(packet)
            while ahead is not None:
                ahead.stream = voice
                target.mux(ahead)
                ahead = next(waiting, None)
