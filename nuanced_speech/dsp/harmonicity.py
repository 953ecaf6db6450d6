"""How much of a voice is harmonic: the ratio of its periodic part to the rest, as in Boersma (1993).

Paul Boersma: Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
sound. Proceedings of the Institute of Phonetic Sciences 17, 1993.
"""

import numpy as np

from nuanced_speech.core.constants import FRAME_RATE

# Length of a window in periods of its own F0: with a longer one the movement of F0 would count as noise.
PERIODS = 4.5
# The period is looked for so near to that of the F0 that is given, as a share of it.
NEAR = 0.06
# Bounds of the ratio in dB; a pure tone has no noise at all.
LOW, HIGH = -20.0, 50.0


def harmonics_to_noise(wave: np.ndarray, rate: int, f0: np.ndarray) -> float:
    """Median of the harmonics-to-noise ratio in dB over the voiced frames of ``wave [T]``.

    Args:
        wave: samples at ``rate`` Hz.
        f0: F0 in Hz in frames of 12.5 ms, 0 where there is no voice.

    Returns:
        NaN if no frame is voiced.
    """
    hop = rate / FRAME_RATE
    ratios = []
    for frame in np.flatnonzero(f0 > 0):
        period = rate / f0[frame]
        length = int(PERIODS * period)
        start = int((frame + 0.5) * hop) - length // 2
        piece = wave[max(start, 0) : start + length].astype(np.float64)
        if len(piece) < length or not piece.any():
            continue
        window = np.hanning(length)
        lags = slice(int(period * (1 - NEAR)), int(period * (1 + NEAR)) + 2)
        correlation = _autocorrelation((piece - piece.mean()) * window)[lags] / _autocorrelation(window)[lags]
        periodic = float(np.clip(_peak(correlation), 1e-6, 1 - 1e-6))
        ratios.append(10 * np.log10(periodic / (1 - periodic)))
    return float(np.clip(np.median(ratios), LOW, HIGH)) if ratios else float("nan")


def _autocorrelation(frame: np.ndarray) -> np.ndarray:
    """Of ``frame [N]`` at lags of 0 to N - 1, 1 at lag 0."""
    power = np.abs(np.fft.rfft(frame, 1 << (2 * len(frame) - 1).bit_length())) ** 2
    whole: np.ndarray = np.fft.irfft(power)[: len(frame)]
    return whole / whole[0]


def _peak(values: np.ndarray) -> float:
    """The highest of ``values [N]``, between samples by a parabola."""
    top = int(values.argmax())
    if not 0 < top < len(values) - 1:
        return float(values[top])
    before, at, after = values[top - 1 : top + 2]
    return float(at + (before - after) ** 2 / (8 * max(2 * at - before - after, 1e-12)))
