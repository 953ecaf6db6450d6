"""Stretches that came out an octave below the melody that was asked for, said again in a cleaner timbre.

Where a voice turns creaky, at the ends of phrases most of all, the synthesizer may double the glottal period. That is
rare and short, but heard, and it ruins the melody. Timbres of stock voices hardly do it, so the voiced stretch around
such a place is spoken again with a timbre moved towards one, no further than it takes.
"""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from nuanced_speech.core.constants import FRAMES_PER_UNIT, SAMPLE_RATE, SAMPLES_PER_UNIT
from nuanced_speech.dsp.f0 import f0 as track_f0

SAMPLES_PER_FRAME = SAMPLES_PER_UNIT // FRAMES_PER_UNIT
# Octaves below the wanted melody, over so many frames, that count as a drop.
DROP, SHORTEST = 0.35, 3
# Said again with this much around it, because the synthesizer looks that far.
CONTEXT_UNITS = 20
FADE_FRAMES = 2

Speak = Callable[[slice, Tensor], np.ndarray]
"""Says the units of a slice with a timbre ``[128]``: ``[600 * units]``."""


def drops(wanted: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Which frames are voiced in both and an octave too low in ``measured``; F0 in Hz ``[frames]``, 0 unvoiced."""
    frames = min(len(wanted), len(measured))
    both = (wanted[:frames] > 0) & (measured[:frames] > 0)
    low = np.zeros(frames, bool)
    low[both] = np.log2(measured[:frames][both] / wanted[:frames][both]) < -DROP
    return low


def stretches(low: np.ndarray, wanted: np.ndarray) -> list[slice]:
    """Voiced stretches of ``wanted`` that hold at least so many low frames, in frames."""
    voiced = np.concatenate([[False], wanted > 0, [False]])
    edges = np.flatnonzero(np.diff(voiced.astype(int)))
    return [slice(a, b) for a, b in edges.reshape(-1, 2).tolist() if low[a:b].sum() >= SHORTEST]


def mend(wave: np.ndarray, wanted: np.ndarray, speak: Speak, timbres: list[Tensor]) -> np.ndarray:
    """A waveform with its octave drops replaced where a timbre is found that does not drop.

    Args:
        wave: ``[600 * units]`` at 24 kHz.
        wanted: the melody it was to have, Hz ``[2 * units]``.
        speak: says a part again.
        timbres: to try in this order, ``[128]`` each.
    """
    low = drops(wanted, track_f0(wave, SAMPLE_RATE))
    for stretch in stretches(low, wanted):
        units = slice(
            max(stretch.start // FRAMES_PER_UNIT - CONTEXT_UNITS, 0),
            min(-(-stretch.stop // FRAMES_PER_UNIT) + CONTEXT_UNITS, len(wave) // SAMPLES_PER_UNIT),
        )
        first = units.start * FRAMES_PER_UNIT
        inside = slice(stretch.start - first, stretch.stop - first)
        for timbre in timbres:
            part = speak(units, timbre)
            heard = drops(wanted[first : units.stop * FRAMES_PER_UNIT], track_f0(part, SAMPLE_RATE))
            if not heard[inside].any():
                wave = _replaced(wave, part, units.start * SAMPLES_PER_UNIT, stretch)
                break
    return wave


def _replaced(wave: np.ndarray, part: np.ndarray, start: int, stretch: slice) -> np.ndarray:
    """``wave`` with the frames of a stretch taken from ``part``, which begins at sample ``start``; faded."""
    frame = (np.arange(len(part)) + start) / SAMPLES_PER_FRAME
    outside = np.maximum(stretch.start - frame, frame - stretch.stop).clip(min=0)
    share = (1 - outside / FADE_FRAMES).clip(min=0).astype(np.float32)
    mended = wave.copy()
    mended[start : start + len(part)] += share * (part - mended[start : start + len(part)])
    return mended
