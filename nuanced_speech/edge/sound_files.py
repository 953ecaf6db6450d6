"""Sound files by libsndfile alone."""

from pathlib import Path
from typing import Any

import numpy as np

from nuanced_speech.audio.limiter import CEILING, COMPRESSED_CEILING, LimiterConfig, limited
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.files import check_replaceable, replacing
from nuanced_speech.edge.resampling import resample

LEAST_SECONDS = 0.1


def read_sound(path: Path) -> np.ndarray:
    """The sound of a file, float32 ``[T]``, mono, at 24 kHz.

    Raises:
        UserError: no such file, no sound file, too short, or not finite.
    """
    with reading(path, "a sound file", "give a WAV, FLAC, OGG or MP3 file"):
        samples, rate = _soundfile().read(str(path), dtype="float32", always_2d=True)
    return waveform(samples.mean(axis=1), int(rate), str(path))


def waveform(samples: np.ndarray, sample_rate: int, name: str = "the recording") -> np.ndarray:
    """Samples ``[T]`` of some rate in Hz as float32 ``[T]`` at 24 kHz.

    Raises:
        UserError: another shape, too short, or not finite.
    """
    samples = np.asarray(samples, np.float32)
    if samples.ndim != 1 or len(samples) < LEAST_SECONDS * sample_rate:
        raise UserError(f"{name}: give one channel of at least {LEAST_SECONDS:g} s")
    if not np.isfinite(samples).all():
        raise UserError(f"{name} holds samples that are NaN or infinite; export it again")
    return resample(samples, sample_rate, SAMPLE_RATE)


def check_writable(path: Path) -> None:
    """Check a file to write, before long work.

    Raises:
        UserError: libsndfile does not write its suffix, or it cannot be written.
    """
    if path.suffix.lower() not in (".wav", ".flac", ".ogg"):
        raise UserError(f"{path}: end the name in .wav, .flac or .ogg")
    check_replaceable(path)


def write_sound(path: Path, wave: np.ndarray, comment: str) -> None:
    """Write ``wave [T]`` at 24 kHz with a comment in its metadata, whole or not at all, its true peak below -1 dBFS.

    Raises:
        UserError: the path cannot be written.
    """
    check_writable(path)
    with replacing(path) as temporary, _soundfile().SoundFile(str(temporary), "w", SAMPLE_RATE, 1) as file:
        file.comment = comment
        ceiling = COMPRESSED_CEILING if path.suffix.lower() == ".ogg" else CEILING
        parts = (wave[start : start + (1 << 15)] for start in range(0, len(wave), 1 << 15))
        for part in limited(parts, SAMPLE_RATE, LimiterConfig(ceiling)):
            file.write(part)


def _soundfile() -> Any:
    try:
        import soundfile
    except ImportError as error:
        raise UserError("the package soundfile is not installed: pip install soundfile, or give an array") from error
    return soundfile
