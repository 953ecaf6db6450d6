"""Audio files in and out: whatever libsndfile reads becomes 24 kHz mono; a written file appears whole or not at all.

A waveform is a float32 array of shape [T] in [-1, 1]. Files are decoded with libsndfile (soundfile) and resampled with
the SoX resampler (soxr). Both work block by block, so an hour of stereo at 192 kHz is never held at its own rate.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile
import soxr

from nuanced_speech.audio.av_files import VIDEO_FORMATS, AvFile, video_start
from nuanced_speech.audio.channels import mixing_weights, one_channel
from nuanced_speech.audio.containers import OUTPUT_FORMATS, Container, SoundContainer, VideoContainer
from nuanced_speech.audio.decoding import AV_SUFFIXES, SoundStream, comment_of, sound_streams
from nuanced_speech.audio.limiter import Limiter, LimiterConfig
from nuanced_speech.audio.pcm import to_int16
from nuanced_speech.core.constants import SAMPLE_RATE, SYNTHETIC
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import check_replaceable, replacing

MIN_SECONDS = 0.1
SILENCE_DB = -70.0
# A mean beyond this is the microphone's, not the voice's: -50 dBFS. It is taken away.
LEAST_OFFSET = 0.003

# Suffixes of the recordings in a folder.
SEARCHED_SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".opus", *AV_SUFFIXES}
# soundfile asserts on a short write; PyAV's errors are OSError or ValueError
_WRITE_ERRORS = (soundfile.LibsndfileError, OSError, AssertionError, ValueError)
BLOCK_VALUES = 1 << 18
_WRITE_BLOCK = 1 << 15


def read(
    path: str | os.PathLike[str],
    sample_rate: int = SAMPLE_RATE,
    block_values: int = BLOCK_VALUES,
    allow_silence: bool = False,
    channel: int | None = None,
) -> np.ndarray:
    """Read the sound of an audio or video file as float32 [T], mono, at `sample_rate`, within [-1, 1].

    Channels are averaged, dead ones left out, and a mix that lost level is raised to that of the loudest channel; or
    one `channel` is taken, counted from 1.

    A floating-point or compressed file that goes beyond full scale is scaled down as a whole, not clipped; a constant
    offset is taken away.
    `block_values` samples, of all channels together, are decoded at a time.

    Raises UserError when the file is missing, a folder, not readable, not audio, damaged, empty, shorter than
    MIN_SECONDS, silent (nothing above SILENCE_DB dBFS) unless `allow_silence`, or holds samples that are not finite.
    Warns when a file ends long before the length that it announces.
    """
    path = Path(path)
    _check_readable(path)
    # A bytearray grows in place; a list of blocks would need the memory twice when they are joined.
    samples = bytearray()
    peak, seconds, announced = 0.0, 0.0, 0.0
    for stream in sound_streams(path):
        size = max(1024, block_values // stream.channels)
        frames, source_rate = 0, stream.sample_rate
        resampler = soxr.ResampleStream(source_rate, sample_rate, 1) if source_rate != sample_rate else None
        for block in _mono_blocks(stream, path, size, channel):
            frames += len(block)
            peak = max(peak, float(block.max()), -float(block.min()))
            samples += (resampler.resample_chunk(block) if resampler else block).tobytes()
        if resampler and frames:
            samples += resampler.resample_chunk(np.zeros(0, np.float32), last=True).tobytes()
        seconds, announced = seconds + frames / source_rate, announced + stream.frames / source_rate
    _check_length(path, seconds, announced)

    wave = np.frombuffer(samples, dtype=np.float32)
    if peak > 1.0:
        wave /= peak
    offset = float(wave.mean(dtype=np.float64))
    if abs(offset) > LEAST_OFFSET:
        wave -= np.float32(offset)
    # What still exceeds 1 is the resampler's ringing, mostly around tops that were clipped already.
    np.clip(wave, -1.0, 1.0, out=wave)
    if not allow_silence:
        _check_audible(path, wave)
    return wave


def write(
    path: str | os.PathLike[str], wave: np.ndarray, sample_rate: int = SAMPLE_RATE, comment: str = SYNTHETIC
) -> None:
    """Write a mono waveform [T] by the suffix of `path`: WAV or FLAC (16 bits), OGG (Vorbis), Opus, MP3 or M4A (AAC).

    `comment` goes into the file's metadata; "" for what is not synthetic. Speech that a comment marks as synthetic is
    limited to a true peak of -1 dBFS; of other sound, samples beyond [-1, 1] are clipped.

    The file appears only when it is complete; until then a file already there stays as it was. Raises UserError when
    the path cannot be written, ValueError for a waveform that is not [T] and finite.
    """
    with AudioWriter(path, sample_rate, comment) as writer:
        writer.write(wave)


class AudioWriter:
    """Writes mono audio chunk by chunk in bounded memory; the file gets its name only if the block ends well.

        with AudioWriter("out.flac") as writer:
            for chunk in chunks:
                writer.write(chunk)

    Raises UserError when the path cannot be written or the disk is full. Any exception in the block, an interrupt
    included, removes what was written so far. `comment` goes into the file's metadata; with one, a look-ahead limiter
    keeps the true peak below -1 dBFS. What the file is like inside is left to a `container`: that of the suffix, unless
    another one is given, as for a video.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sample_rate: int = SAMPLE_RATE,
        comment: str = SYNTHETIC,
        container: Container | None = None,
    ) -> None:
        check_writable(path, videos=container is not None)
        self.path = Path(path)
        self._container = container or SoundContainer(self.path.suffix.lower(), sample_rate, comment)
        self._file: soundfile.SoundFile | AvFile | None = None

    def __enter__(self) -> AudioWriter:
        self._context = self._open()
        self._limiter = None
        if self._container.comment:
            self._limiter = Limiter(self._container.sample_rate, LimiterConfig(self._container.ceiling))
        self._frames = 0
        self._file = self._context.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file = None
        self._context.__exit__(kind, error, traceback)

    def write(self, chunk: np.ndarray) -> None:
        """Append samples [T]; the last milliseconds wait for more. ValueError unless they are [T] and finite."""
        if self._file is None:
            raise ValueError("AudioWriter.write works only inside its with block")
        chunk = np.asarray(chunk)
        if chunk.ndim != 1:
            raise ValueError(f"expected a mono waveform of shape [T], got shape {list(chunk.shape)}")
        # libvorbis keeps a whole call's samples on the stack, so one long call can crash it.
        for start in range(0, len(chunk), _WRITE_BLOCK):
            block = chunk[start : start + _WRITE_BLOCK].astype(np.float32)
            if not np.isfinite(block).all():
                raise ValueError("the waveform to write holds samples that are NaN or infinite")
            self._append(self._file, block if self._limiter is None else self._limiter.push(block))

    def _append(self, file: soundfile.SoundFile | AvFile, block: np.ndarray) -> None:
        with self._failures_explained():
            file.write(to_int16(block) if file.subtype == "PCM_16" else np.clip(block, -1.0, 1.0))
        self._frames += len(block)

    @contextmanager
    def _open(self) -> Iterator[soundfile.SoundFile | AvFile]:
        with replacing(self.path) as temporary:
            with self._failures_explained():
                file = self._container.open(temporary)
            try:
                yield file
                if self._limiter is not None:
                    self._append(file, self._limiter.finish())
            except BaseException:
                with suppress(*_WRITE_ERRORS):
                    self._container.close()
                raise
            with self._failures_explained():
                self._container.close()
                self._container.complete(temporary, self._frames)

    @contextmanager
    def _failures_explained(self) -> Iterator[None]:
        try:
            yield
        except _WRITE_ERRORS as error:
            raise UserError(f"{self.path} could not be written: is the disk full? ({error})") from error


def writer(
    path: str | os.PathLike[str], source: str | os.PathLike[str] | None = None, comment: str = SYNTHETIC
) -> AudioWriter:
    """A writer of sound, or of a video with new sound where ``source`` is a video and ``path`` has a video's suffix.

    Raises:
        UserError: the path cannot be written.
    """
    if Path(path).suffix.lower() not in VIDEO_FORMATS:
        return AudioWriter(path, comment=comment)
    if source is None or video_start(Path(source)) is None:
        raise UserError(f"{path}: a video can only be made of a video with sound; name a sound file to write")
    container = VideoContainer(Path(path).suffix.lower(), Path(source), SAMPLE_RATE, comment)
    return AudioWriter(path, comment=comment, container=container)


def synthetic_mark(path: str | os.PathLike[str]) -> str | None:
    """The comment in an audio file that marks it as synthetic; None where there is none.

    Raises UserError when the file is missing or not audio.
    """
    _check_readable(Path(path))
    comment = comment_of(Path(path))
    return comment if SYNTHETIC in comment else None


def sample_rate(path: str | os.PathLike[str]) -> int:
    """The sample rate of the sound in an audio or video file, Hz; the lowest one of chained streams.

    Raises UserError when the file is missing or holds no sound that can be read.
    """
    _check_readable(Path(path))
    return min(stream.sample_rate for stream in sound_streams(Path(path)))


def check_writable(path: str | os.PathLike[str], videos: bool = False) -> None:
    """Raise UserError unless audio can be written to `path`: known suffix, folder there and writable, no folder itself.
    With `videos`, suffixes of videos are known too.

    Meant to be called before long work starts, so that its result is not lost to a mistyped path.
    """
    path = Path(path)
    if path.suffix.lower() not in (*OUTPUT_FORMATS, *(VIDEO_FORMATS if videos else ())):
        usable = ", ".join(OUTPUT_FORMATS)
        raise UserError(f"{path}: cannot write the suffix {path.suffix or '(none)'!r}; end the name in one of {usable}")
    check_replaceable(path)


def recordings_in(folder: Path) -> list[Path]:
    """The recordings of a folder and of those below it, sorted, by their names' suffixes."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SEARCHED_SUFFIXES)


def _check_readable(path: Path) -> None:
    """Raise UserError with the system's reason, which libsndfile's own messages hide."""
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder: give the name of an audio file")
        if path.exists() and not path.is_file():
            raise UserError(f"{path} is not a file: save the audio to a file first")
        with open(path, "rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist: check the name") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    if empty:
        raise UserError(f"{path} is empty (0 bytes)")


def _mono_blocks(stream: SoundStream, path: Path, size: int, channel: int | None) -> Iterator[np.ndarray]:
    """Yield a stream's blocks as float32 [T], mixed or of one channel, at the stream's own rate."""
    weights = None
    if channel is not None:
        weights = one_channel(stream.channels, channel, str(path))
    elif stream.channels > 1:
        weights = mixing_weights(stream.blocks(size), stream.channels)
    for block in stream.blocks(size):
        mono = block.mean(axis=1, dtype=np.float32) if weights is None else block @ weights
        if not np.isfinite(mono).all():
            raise UserError(f"{path} holds samples that are NaN or infinite: export it again")
        yield mono


def _check_length(path: Path, seconds: float, announced: float) -> None:
    if seconds == 0:
        raise UserError(f"{path} is empty: it holds no samples")
    if seconds < MIN_SECONDS:
        raise UserError(f"{path} is too short: {seconds * 1000:.0f} ms; at least {MIN_SECONDS * 1000:.0f} ms is needed")
    if seconds < announced - 1.0:
        warnings.warn(f"{path} is cut short: it announces {announced:.1f} s and holds {seconds:.1f} s", stacklevel=3)


def _check_audible(path: Path, wave: np.ndarray) -> None:
    # Half the range instead of the largest magnitude: a constant offset is silence too.
    peak = (float(wave.max()) - float(wave.min())) / 2
    level = 20 * np.log10(max(peak, 1e-10))
    if level < SILENCE_DB:
        reason = "all samples are equal" if peak == 0 else f"its peak is {level:.0f} dBFS"
        raise UserError(f"{path} is silent: mixed to mono, {reason}")
