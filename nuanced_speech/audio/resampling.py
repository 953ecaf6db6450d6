"""Change of sample rate, by the SoX resampler (soxr)."""

import numpy as np
import soxr

from nuanced_speech.core.constants import SAMPLE_RATE, WHISPER_SAMPLE_RATE


def resample(wave: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Resample a waveform [T] from one rate in Hz to another: float32 [round(T * to_rate / from_rate)]."""
    wave = np.asarray(wave, dtype=np.float32)
    if from_rate == to_rate or len(wave) == 0:
        return wave
    return soxr.resample(wave, from_rate, to_rate)


def to_16k(wave: np.ndarray) -> np.ndarray:
    """A waveform ``[T]`` at 24 kHz at the 16 kHz of Whisper and the speaker encoder."""
    return resample(wave, SAMPLE_RATE, WHISPER_SAMPLE_RATE)
