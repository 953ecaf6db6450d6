"""What a written file is like inside: sound by libsndfile or FFmpeg, or a video with new sound."""

from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import soundfile

from nuanced_speech.audio.av_files import SOUND_FORMATS, VIDEO_FORMATS, AvFile, replace_sound, video_start
from nuanced_speech.audio.checked_file import CheckedFile
from nuanced_speech.audio.limiter import CEILING, COMPRESSED_CEILING
from nuanced_speech.core.files import temporary_folder

# Container and sample format for each suffix that can be written.
OUTPUT_FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    **SOUND_FORMATS,
}
_LOSSLESS = (".wav", ".flac")


class Container(Protocol):
    """One file, which is opened, written to, closed, and completed if all went well.

    Its methods raise what soundfile and PyAV raise where a file cannot be written.

    Attributes:
        sample_rate: Hz.
        comment: for the metadata.
        ceiling: largest true peak to write for one of at most -1 dBFS when the file is read again.
    """

    sample_rate: int
    comment: str
    ceiling: float

    def open(self, path: Path) -> soundfile.SoundFile | AvFile:
        """What samples are written to; ``path`` is the file's name until it is complete."""

    def close(self) -> None:
        """Close what was opened."""

    def complete(self, path: Path, frames: int) -> None:
        """Do what is left to do when so many samples were written and all is closed."""


class SoundContainer:
    """Sound alone.

    Args:
        suffix: one of ``OUTPUT_FORMATS``.
        sample_rate: Hz.
        comment: for the metadata.
    """

    def __init__(self, suffix: str, sample_rate: int, comment: str) -> None:
        self.suffix, self.sample_rate, self.comment = suffix, sample_rate, comment
        self.ceiling = CEILING if suffix in _LOSSLESS else COMPRESSED_CEILING
        self._file: soundfile.SoundFile | AvFile | None = None
        self._checked: CheckedFile | None = None

    def open(self, path: Path) -> soundfile.SoundFile | AvFile:
        """See ``Container``."""
        container, subtype = OUTPUT_FORMATS[self.suffix]
        if self.suffix in SOUND_FORMATS:
            self._file = AvFile(path, self.sample_rate, container, subtype, self.comment)
            return self._file
        self._checked = CheckedFile(path) if container == "MP3" else None
        file = soundfile.SoundFile(
            self._checked or path, "w", self.sample_rate, channels=1, format=container, subtype=subtype
        )
        # before the first sample: a WAV file's header comes first
        if self.comment:
            file.comment = self.comment
        self._file = file
        return file

    def close(self) -> None:
        """See ``Container``."""
        try:
            if self._file is not None:
                self._file.close()
        finally:
            if self._checked is not None:
                self._checked.close()

    def complete(self, path: Path, frames: int) -> None:
        """See ``Container``: encoders do not always report a disk that is full on closing."""
        if self.suffix in SOUND_FORMATS:
            return
        with soundfile.SoundFile(path) as file:
            file.seek(max(0, frames - 1))
            if frames and len(file.read(1)) == 0:
                raise OSError("its end is missing")


class VideoContainer:
    """A video with new sound: the pictures are those of another video.

    Args:
        suffix: one of ``VIDEO_FORMATS``.
        video: where the pictures come from.
        sample_rate: of the sound, Hz.
        comment: for the metadata.
    """

    ceiling = COMPRESSED_CEILING

    def __init__(self, suffix: str, video: Path, sample_rate: int, comment: str) -> None:
        self.suffix, self.video, self.sample_rate, self.comment = suffix, video, sample_rate, comment
        self._folder = ExitStack()
        self._sound = Path()
        self._file: AvFile | None = None

    def open(self, path: Path) -> AvFile:
        """See ``Container``: the sound goes into a file of its own, and into the video when it is whole."""
        self._sound = self._folder.enter_context(temporary_folder()) / "sound.mka"
        codec = VIDEO_FORMATS[self.suffix][1]
        delay = max(video_start(self.video) or 0.0, 0.0)
        self._file = AvFile(self._sound, self.sample_rate, "matroska", codec, delay=delay)
        return self._file

    def close(self) -> None:
        """See ``Container``."""
        if self._file is not None:
            self._file.close()

    def complete(self, path: Path, frames: int) -> None:
        """See ``Container``."""
        with self._folder:
            replace_sound(self.video, self._sound, path, VIDEO_FORMATS[self.suffix][0], self.comment)
