"""F0 at 80 Hz: what ``dsp.f0`` does, with the pitch network in ONNX Runtime."""

from collections.abc import Callable

import numpy as np

from nuanced_speech.audio.level import active_level_db
from nuanced_speech.dsp import pitch_path as path
from nuanced_speech.edge.spectra import pitch_magnitudes

Score = Callable[[list[np.ndarray]], tuple[np.ndarray, np.ndarray]]
"""Magnitude spectra of three lengths to pitch scores ``[F, 95]`` and voicing ``[F]``."""

# dBFS: quieter clips hold no voice.
SILENCE_DB = -70.0


def f0(wave: np.ndarray, frames: int, score: Score) -> np.ndarray:
    """F0 in Hz, float32 ``[frames]``, 0 where unvoiced.

    Args:
        wave: ``[T]`` at 16 kHz, a minute at most.
        frames: number of frames of 12.5 ms.
        score: the pitch network.
    """
    level_db = active_level_db(wave, path.SAMPLE_RATE)
    if level_db < SILENCE_DB:
        return np.zeros(frames, np.float32)
    magnitudes = pitch_magnitudes((wave * 10 ** ((path.LEVEL_DB - level_db) / 20)).astype(np.float32))
    loudness = 10 * np.log10((magnitudes[0] ** 2).sum(0) / path.FULL_SCALE_POWER + 1e-20)
    pitch, voicing = score(without_steady_noise(magnitudes))
    voicing = np.where(loudness < path.LEVEL_DB - path.QUIET_DB, -np.inf, voicing)
    pitch = (pitch - pitch.max(1, keepdims=True))[:, : int(np.searchsorted(path.PITCHES_HZ, path.CEILING_HZ))]
    return path.on_grid(path.hertz(pitch, path.best_path(*path.costs(pitch, voicing))), frames)


def without_steady_noise(magnitudes: list[np.ndarray]) -> list[np.ndarray]:
    """Spectra with the noise of the pauses subtracted; as they are where there is no pause."""
    n_fft = 2 * (len(magnitudes[0]) - 1)
    low, high = (round(hz * n_fft / path.SAMPLE_RATE) for hz in (200, 4000))
    level = 10 * np.log10((magnitudes[0][low:high] ** 2).sum(0) + 1e-12)
    quiet, loud = np.quantile(level, (0.1, 0.95))
    pause = level <= min(quiet + path.PAUSE_ABOVE_QUIET_DB, loud - path.PAUSE_BELOW_LOUD_DB)
    if pause.sum() < path.MIN_PAUSE_FRAMES:
        return magnitudes
    cleaned = []
    for magnitude in magnitudes:
        power = magnitude**2
        noise = power[:, pause].mean(1, keepdims=True)
        gain = np.maximum(1 - path.OVER_SUBTRACTION * noise / (power + 1e-20), path.LEAST_GAIN**2)
        cleaned.append((magnitude * np.sqrt(gain)).astype(np.float32))
    return cleaned
