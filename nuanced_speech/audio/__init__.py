"""Audio files in and out, their level, and their segments."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nuanced_speech.audio.arrays import Recording, waveform
    from nuanced_speech.audio.io import (
        MIN_SECONDS,
        OUTPUT_FORMATS,
        SEARCHED_SUFFIXES,
        AudioWriter,
        check_writable,
        read,
        recordings_in,
        sample_rate,
        synthetic_mark,
        write,
        writer,
    )
    from nuanced_speech.audio.level import LEVEL_FLOOR_DB, active_level_db, clipped_fraction, snr_db
    from nuanced_speech.audio.pcm import to_int16
    from nuanced_speech.audio.resampling import resample
    from nuanced_speech.core.constants import SAMPLE_RATE, SYNTHETIC, WHISPER_SAMPLE_RATE
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
    "sample_rate",
    "snr_db",
    "synthetic_mark",
    "to_int16",
    "waveform",
    "write",
    "writer",
]

_MODULES = {
    "LEVEL_FLOOR_DB": "nuanced_speech.audio.level",
    "MIN_SECONDS": "nuanced_speech.audio.io",
    "OUTPUT_FORMATS": "nuanced_speech.audio.io",
    "SAMPLE_RATE": "nuanced_speech.core.constants",
    "SEARCHED_SUFFIXES": "nuanced_speech.audio.io",
    "SYNTHETIC": "nuanced_speech.core.constants",
    "WHISPER_SAMPLE_RATE": "nuanced_speech.core.constants",
    "AudioWriter": "nuanced_speech.audio.io",
    "Recording": "nuanced_speech.audio.arrays",
    "active_level_db": "nuanced_speech.audio.level",
    "check_replaceable": "nuanced_speech.core.files",
    "check_writable": "nuanced_speech.audio.io",
    "clipped_fraction": "nuanced_speech.audio.level",
    "read": "nuanced_speech.audio.io",
    "recordings_in": "nuanced_speech.audio.io",
    "replacing": "nuanced_speech.core.files",
    "resample": "nuanced_speech.audio.resampling",
    "sample_rate": "nuanced_speech.audio.io",
    "snr_db": "nuanced_speech.audio.level",
    "synthetic_mark": "nuanced_speech.audio.io",
    "to_int16": "nuanced_speech.audio.pcm",
    "waveform": "nuanced_speech.audio.arrays",
    "write": "nuanced_speech.audio.io",
    "writer": "nuanced_speech.audio.io",
}


def __getattr__(name: str) -> Any:
    # imported at first use: arrays are measured and cut without the packages that read and write files
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value
