"""Any recording as a waveform, with the level in it that was full scale."""

import warnings
from pathlib import Path

import numpy as np
import soundfile

from nuanced_speech import audio
from nuanced_speech.audio.decoding import sound_streams

_BLOCK_FRAMES = 1 << 16


def decode(path: Path, sample_rate: int) -> tuple[np.ndarray, float, list[str]]:
    """A recording as ``audio.read`` gives it, ``[T]``; the level in it that was full scale; and warnings about it,
    such as that the file is cut short.

    Full scale is less than 1 where a compressed or floating-point file goes beyond it: what was clipped before it was
    compressed mostly does.

    Raises:
        UserError: as ``audio.read``.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        wave = audio.read(path, sample_rate)
        full_scale = 1 / max(_peak(path), 1.0)
    return wave, full_scale, [str(warning.message) for warning in caught if warning.category is UserWarning]


def _peak(path: Path) -> float:
    """The highest sample of a file, mixed to mono; 1 where samples are whole numbers, which cannot exceed it."""
    try:
        if soundfile.info(path).subtype.startswith("PCM"):
            return 1.0
    except (soundfile.LibsndfileError, TypeError):
        pass
    blocks = (block for stream in sound_streams(path) for block in stream.blocks(_BLOCK_FRAMES))
    return max(float(np.abs(block.mean(axis=1)).max()) for block in blocks)
