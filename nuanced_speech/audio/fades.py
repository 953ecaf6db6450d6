"""Linear fades: at the ends of a waveform, and from one waveform to the next."""

import numpy as np


def fade_ends(wave: np.ndarray, fade_in: int, fade_out: int | None = None, reach_full_gain: bool = True) -> np.ndarray:
    """A copy of a waveform ``[T]`` that rises from silence and falls to silence.

    Args:
        wave: ``[T]``, at least as long as either fade.
        fade_in: samples of the rise.
        fade_out: samples of the fall; as many as of the rise by default.
        reach_full_gain: the last sample of the rise has the full gain; without it the sample after that.
    """
    fade_out = fade_in if fade_out is None else fade_out
    wave = wave.copy()
    wave[:fade_in] *= np.linspace(0.0, 1.0, fade_in, reach_full_gain, dtype=np.float32)
    wave[len(wave) - fade_out :] *= np.linspace(0.0, 1.0, fade_out, reach_full_gain, dtype=np.float32)[::-1]
    return wave


def crossfade(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """From one waveform ``[T]`` to another of the same length; the gains sum to 1 and the middle has half of each."""
    rise = (np.arange(len(after), dtype=np.float32) + 0.5) / len(after)
    return before * (1 - rise) + after * rise
