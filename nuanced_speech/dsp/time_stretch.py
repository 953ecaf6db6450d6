"""Time-scale modification: speech becomes faster or slower, and its pitch stays.

Slower by Signalsmith Stretch, a spectral method that keeps the phases of neighbouring bands together; faster by
``dsp.compression``.
"""

import numpy as np
from python_stretch.Signalsmith import Stretch

from nuanced_speech.dsp.compression import TimeMap, compress

# the library draws random phases for long stretches: one seed, so that the same input gives the same output
SEED = 0


def stretch(wave: np.ndarray, sample_rate: int, length: int) -> np.ndarray:
    """Stretch a wave to a length.

    Args:
        wave: ``[T]``, mono.
        sample_rate: samples per second; the analysis window of the method is given in seconds.
        length: number of samples wanted, at least 1.

    Returns:
        ``[length]`` float32; the very samples of ``wave`` where the length is the same.
    """
    wave = np.asarray(wave, np.float32)
    if length == len(wave):
        return wave
    stretcher = Stretch(SEED)
    stretcher.preset(1, sample_rate)
    stretcher.setTimeFactor(len(wave) / length)
    stretched = np.asarray(stretcher.process(wave[None]))[0, :length]
    # the library rounds the length itself, which may leave it one sample short
    return np.pad(stretched, (0, length - len(stretched)))


def respaced(wave: np.ndarray, sample_rate: int, length: int) -> tuple[np.ndarray, TimeMap]:
    """Speech of another length, and where its moments went.

    Args:
        wave: ``[T]``, mono, at least one sample.
        sample_rate: samples per second.
        length: number of samples wanted, at least 1.

    Returns:
        ``[length]`` float32, and the map from ``wave`` to it.
    """
    if length < len(wave):
        return compress(wave, sample_rate, length)
    return stretch(wave, sample_rate, length), TimeMap(np.array([0.0, len(wave)]), np.array([0.0, length]))
