"""Any recording as a waveform: libsndfile's formats by ``audio.read``, the others by ffmpeg where it is installed."""

import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np
import soundfile

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError

_BLOCK_FRAMES = 1 << 16
# Suffixes of sound that libsndfile does not read.
FFMPEG_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("m4a", "m4b", "aac", "mp4", "m4v", "mov", "wma", "wmv", "opus", "webm", "mkv", "mka", "avi", "amr", "3gp"),
        *("ac3", "ape", "wv", "mpc", "ra", "flv"),
    )
)


def decode(path: Path, sample_rate: int) -> tuple[np.ndarray, float, list[str]]:
    """A recording as ``audio.read`` gives it, ``[T]``; the level in it that was full scale; and warnings about it,
    such as that the file is cut short.

    Full scale is less than 1 where a compressed or floating-point file goes beyond it: what was clipped before it was
    compressed mostly does.

    Raises:
        UserError: as ``audio.read``; ffmpeg is needed and not installed, or cannot read the file either.
    """
    with warnings.catch_warnings(record=True) as caught, tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("always")
        readable = path if _by_libsndfile(path) else _by_ffmpeg(path, Path(folder) / "decoded.w64")
        wave = audio.read(readable, sample_rate)
        full_scale = 1 / max(_peak(readable), 1.0)
    return wave, full_scale, [str(warning.message) for warning in caught if warning.category is UserWarning]


def _peak(path: Path) -> float:
    """The highest sample of a file, mixed to mono; 1 where samples are whole numbers, which cannot exceed it."""
    with soundfile.SoundFile(path) as file:
        if file.subtype.startswith("PCM"):
            return 1.0
        peak = 0.0
        # until nothing comes: file.blocks would go on for as many frames as the header announces
        while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
            peak = max(peak, float(np.abs(block.mean(axis=1)).max()))
        return peak


def _by_libsndfile(path: Path) -> bool:
    """Whether it opens, or ffmpeg could not help either: an empty file, one that may not be read."""
    if not path.is_file():
        return True  # a pipe would wait for ever; audio.read says what is wrong
    try:
        soundfile.SoundFile(path).close()
    except (soundfile.LibsndfileError, TypeError):
        return not _has_bytes(path)
    return True


def _has_bytes(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return bool(file.read(1))
    except OSError:
        return False


def _by_ffmpeg(path: Path, decoded: Path) -> Path:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        if path.suffix.lower() in FFMPEG_SUFFIXES:
            raise UserError(f"{path}: {path.suffix} files are read by ffmpeg, which is not installed")
        return path
    # file: keeps names that begin with a dash or look like an address what they are; playlists may not fetch anything
    source = f"file:{path.resolve()}"
    command = [ffmpeg, "-nostdin", "-v", "error", "-protocol_whitelist", "file", "-i", source, "-vn", "-sn", "-dn"]
    done = subprocess.run([*command, "-ac", "1", "-c:a", "pcm_f32le", "-y", str(decoded)], capture_output=True)
    if done.returncode or not decoded.is_file():
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UserError(f"{path} is not audio that libsndfile or ffmpeg can read{f' ({lines[-1]})' if lines else ''}")
    return decoded
