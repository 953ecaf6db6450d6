"""Change of sample rate by a Kaiser-windowed sinc, each phase of it applied on its own (Smith, "Digital Audio
Resampling", 2002)."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# Zero crossings on each side, shape of the window, and cutoff relative to the lower Nyquist frequency.
_ZEROS, _BETA, _CUTOFF = 32, 9.0, 0.95


def resample(wave: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """``wave [T]`` from one rate in Hz to another: float32 ``[round(T * to_rate / from_rate)]``."""
    wave = np.asarray(wave, np.float32)
    if from_rate == to_rate or not len(wave):
        return wave
    common = math.gcd(from_rate, to_rate)
    up, down = to_rate // common, from_rate // common
    taps, half = filters(up, down)
    count = round(len(wave) * to_rate / from_rate)
    padded = np.pad(wave, (half - 1, half + down))
    windows = sliding_window_view(padded, 2 * half)
    out = np.zeros(count, np.float32)
    for phase in range(min(up, count)):
        places = windows[phase * down // up :: down]
        number = len(out[phase::up])
        out[phase::up] = places[:number] @ taps[phase]
    return out


def filters(up: int, down: int) -> tuple[np.ndarray, int]:
    """A filter for each phase, float32 ``[up, 2 * half]``, and ``half``: its samples on each side."""
    scale = _CUTOFF * min(1.0, up / down)
    half = math.ceil(_ZEROS / scale)
    parts = np.arange(up) * down % up / up
    distance = np.arange(1 - half, half + 1) - parts[:, None]
    window = np.i0(_BETA * np.sqrt(np.maximum(1 - (distance / half) ** 2, 0)))
    taps = np.sinc(scale * distance) * window
    return (taps / taps.sum(1, keepdims=True)).astype(np.float32), half
