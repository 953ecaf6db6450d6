"""A second judge of melody: an F0 tracker that no conversion uses (Harvest, Morise 2017, package ``pyworld``).

Harvest calls nearly every frame voiced, so it judges F0 alone, over frames that the package's own tracker calls voiced.
"""

from importlib.util import find_spec

import numpy as np

from nuanced_speech import audio
from nuanced_speech.core.constants import FRAME_RATE

RATE = audio.WHISPER_SAMPLE_RATE
LOWEST_HZ, HIGHEST_HZ = 45.0, 800.0


def available() -> bool:
    """Whether the package is installed."""
    return find_spec("pyworld") is not None


def harvest(wave: np.ndarray, sample_rate: int, voiced: np.ndarray) -> np.ndarray:
    """F0 in Hz ``[frames]`` at 80 Hz, 0 where ``voiced [frames]`` is false, of ``wave [T]``.

    Args:
        wave: waveform.
        sample_rate: of the waveform, Hz.
        voiced: what another tracker calls voiced, at 80 Hz.
    """
    import pyworld

    wave = audio.resample(wave, sample_rate, RATE).astype(np.float64)
    curve, times = pyworld.harvest(wave, RATE, f0_floor=LOWEST_HZ, f0_ceil=HIGHEST_HZ, frame_period=1000 / FRAME_RATE)
    curve = pyworld.stonemask(wave, curve, times, RATE)
    frames = min(len(curve), len(voiced))
    return np.where(voiced[:frames], curve[:frames], 0.0)
