"""A second judge of words: a phone recognizer that is not Whisper (package ``hama``, Apache-2.0).

The recognizer writes about a fifth of the phones of clear read speech otherwise than a dictionary does, so its phones
of a conversion are compared with its phones of the source, not with a transcript.
"""

from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from nuanced_speech import audio

# Longest part of a waveform that is recognized at once, since memory grows with it.
BLOCK_SECONDS = 30


def available() -> bool:
    """Whether the package is installed and has its engine for this platform."""
    return find_spec("hama") is not None and _recognizer() is not None


def phones(wave: np.ndarray, sample_rate: int) -> list[str]:
    """IPA phones of the speech in ``wave [T]``, without boundaries of words."""
    recognizer = _recognizer()
    assert recognizer is not None, "available() says whether there is a recognizer"
    wave = audio.resample(wave, sample_rate, audio.WHISPER_SAMPLE_RATE)
    block = BLOCK_SECONDS * audio.WHISPER_SAMPLE_RATE
    blocks = (wave[start : start + block] for start in range(0, len(wave), block))
    return [phone for part in blocks for phone in recognizer(part, audio.WHISPER_SAMPLE_RATE).phonemes]


@lru_cache(maxsize=1)
def _recognizer() -> Any:
    from hama.asr import ASRModel

    try:
        return ASRModel()
    except RuntimeError:  # no engine for this platform
        return None
