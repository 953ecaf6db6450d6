"""Level of speech, clipping and noise of a recording."""

import numpy as np

from nuanced_speech.audio.gate import active_frames, frame_levels
from nuanced_speech.core.constants import KOKORO_LEVEL_DB, SAMPLE_RATE, SECONDS_PER_UNIT

LEVEL_FLOOR_DB = -100.0
CLIP_LEVEL = 0.99
"""Size of a sample from which it counts as clipped."""
_ACTIVE_RANGE_DB = 30.0
_LEVEL_FRAME_SECONDS = 0.02


def active_level_db(wave: np.ndarray, sample_rate: int) -> float:
    """RMS level in dBFS of the speech in a waveform [T], at least LEVEL_FLOOR_DB.

    Frames of 20 ms count as active when they are at most 30 dB below the energy-weighted median frame, which is the
    one where louder frames hold half of the signal's energy. Pauses hold next to none, so unlike a percentile of the
    frames it does not move with their length.
    """
    wave = np.asarray(wave, dtype=np.float32)
    frame = min(len(wave), max(1, round(_LEVEL_FRAME_SECONDS * sample_rate)))
    if frame == 0:
        return LEVEL_FLOOR_DB
    frames = wave[: len(wave) // frame * frame].reshape(-1, frame)
    power = np.einsum("ij,ij->i", frames, frames).astype(np.float64) / frame
    ordered = np.sort(power)
    energy = np.cumsum(ordered)
    reference = ordered[np.searchsorted(energy, energy[-1] / 2)]
    active = power[power >= reference * 10 ** (-_ACTIVE_RANGE_DB / 10)]
    return float(max(10 * np.log10(max(active.mean(), 1e-20)), LEVEL_FLOOR_DB))


def gain_of(recording: np.ndarray) -> float:
    """The factor that brings ``recording [samples]`` at 24 kHz to the level of Kokoro's own speech."""
    return 10 ** ((KOKORO_LEVEL_DB - active_level_db(recording, SAMPLE_RATE)) / 20)


def clipped_fraction(wave: np.ndarray) -> float:
    """Fraction of samples [T] within 1 % of full scale.

    Speech that was recorded without clipping stays below about 0.0002 even when its peak is at full scale.
    """
    wave = np.asarray(wave)
    if wave.size == 0:
        return 0.0
    return float(np.count_nonzero(wave >= CLIP_LEVEL) + np.count_nonzero(wave <= -CLIP_LEVEL)) / wave.size


def snr_db(wave: np.ndarray, sample_rate: int) -> float:
    """Signal-to-noise ratio in dB: the level of the speech above that of the quietest twentieth of 25 ms frames.

    What is within 30 dB of loud frames (the 95th percentile) counts as speech. 0 for less than a frame.
    """
    level = frame_levels(wave, round(SECONDS_PER_UNIT * sample_rate))
    if len(level) == 0:
        return 0.0
    speech = active_frames(level, _ACTIVE_RANGE_DB)
    return float(10 * np.log10(np.mean(10 ** (level[speech] / 10))) - np.percentile(level, 5))
