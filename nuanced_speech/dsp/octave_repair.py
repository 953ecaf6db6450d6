"""Stretches that came out an octave below the melody that was asked for, rendered again in a cleaner timbre.

Where a voice turns creaky, at the ends of phrases most of all, the synthesizer may double the glottal period. That is
rare and short, but audible, and it ruins the melody. Timbres of stock voices hardly do it, so the voiced stretch around
such a place is rendered again with a timbre moved towards one, no further than it takes.
"""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from nuanced_speech.core.constants import FRAMES_PER_UNIT, HOP_LENGTH, SAMPLE_RATE, SAMPLES_PER_UNIT
from nuanced_speech.dsp.f0 import f0 as track_f0

# Octaves below the target melody, over so many frames, that count as a drop.
DROP, SHORTEST = 0.35, 3
# Units rendered on both sides of the stretch, because the synthesizer looks that far.
CONTEXT_UNITS = 20
FADE_FRAMES = 2

Render = Callable[[slice, Tensor], np.ndarray]
"""Renders the units of a slice with a timbre ``[128]``: ``[600 * units]`` at 24 kHz."""


def octave_drops(target: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Which frames are voiced in both and an octave too low in ``measured``, bool ``[frames]`` of the shorter one.

    Args:
        target, measured: F0 in Hz ``[frames]`` at 80 Hz, 0 where unvoiced.
    """
    frames = min(len(target), len(measured))
    both = (target[:frames] > 0) & (measured[:frames] > 0)
    low = np.zeros(frames, bool)
    low[both] = np.log2(measured[:frames][both] / target[:frames][both]) < -DROP
    return low


def affected_stretches(low: np.ndarray, target: np.ndarray) -> list[slice]:
    """Voiced stretches of ``target`` that hold at least ``SHORTEST`` low frames, in frames."""
    voiced = np.concatenate([[False], target > 0, [False]])
    edges = np.flatnonzero(np.diff(voiced.astype(int)))
    return [slice(a, b) for a, b in edges.reshape(-1, 2).tolist() if low[a:b].sum() >= SHORTEST]


def repair_octaves(wave: np.ndarray, target: np.ndarray, timbres: Sequence[Tensor], *, render: Render) -> np.ndarray:
    """A waveform with its octave drops replaced where a timbre is found that does not drop.

    Args:
        wave: ``[600 * units]`` at 24 kHz.
        target: the melody that was asked for, Hz ``[2 * units]``, 0 where unvoiced.
        timbres: to try in this order, ``[128]`` each.
        render: synthesizes a part again.

    Returns:
        ``wave`` itself where nothing is replaced, else a copy.
    """
    low = octave_drops(target, track_f0(wave, SAMPLE_RATE))
    for stretch in affected_stretches(low, target):
        units = slice(
            max(stretch.start // FRAMES_PER_UNIT - CONTEXT_UNITS, 0),
            min(-(-stretch.stop // FRAMES_PER_UNIT) + CONTEXT_UNITS, len(wave) // SAMPLES_PER_UNIT),
        )
        first = units.start * FRAMES_PER_UNIT
        inside = slice(stretch.start - first, stretch.stop - first)
        for timbre in timbres:
            part = render(units, timbre)
            drops = octave_drops(target[first : units.stop * FRAMES_PER_UNIT], track_f0(part, SAMPLE_RATE))
            if not drops[inside].any():
                wave = _spliced(wave, part, units.start * SAMPLES_PER_UNIT, stretch)
                break
    return wave


def _spliced(wave: np.ndarray, part: np.ndarray, start: int, stretch: slice) -> np.ndarray:
    """``wave`` with the frames of a stretch taken from ``part``, which begins at sample ``start``; faded."""
    frame = (np.arange(len(part)) + start) / HOP_LENGTH
    outside = np.maximum(stretch.start - frame, frame - stretch.stop).clip(min=0)
    share = (1 - outside / FADE_FRAMES).clip(min=0).astype(np.float32)
    spliced = wave.copy()
    spliced[start : start + len(part)] += share * (part - spliced[start : start + len(part)])
    return spliced
