"""Audio files in and out, their level, and their segments."""

from nuanced_speech.audio.arrays import Recording, waveform
from nuanced_speech.audio.io import (
    MIN_SECONDS,
    OUTPUT_FORMATS,
    SEARCHED_SUFFIXES,
    SYNTHETIC,
    AudioWriter,
    check_writable,
    read,
    recordings_in,
    synthetic_mark,
    write,
    writer,
)
from nuanced_speech.audio.level import LEVEL_FLOOR_DB, active_level_db, clipped_fraction, snr_db
from nuanced_speech.audio.pcm import to_int16
from nuanced_speech.audio.resampling import resample
from nuanced_speech.core.constants import SAMPLE_RATE, WHISPER_SAMPLE_RATE
from nuanced_speech.core.files import check_replaceable, replacing

__all__ = [
    "LEVEL_FLOOR_DB",
    "MIN_SECONDS",
    "OUTPUT_FORMATS",
    "SAMPLE_RATE",
    "SEARCHED_SUFFIXES",
    "SYNTHETIC",
    "WHISPER_SAMPLE_RATE",
    "AudioWriter",
    "Recording",
    "active_level_db",
    "check_replaceable",
    "check_writable",
    "clipped_fraction",
    "read",
    "recordings_in",
    "replacing",
    "resample",
    "snr_db",
    "synthetic_mark",
    "to_int16",
    "waveform",
    "write",
    "writer",
]
