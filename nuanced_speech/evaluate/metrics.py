"""Metrics of source and output: F0, energy, and likeness of the speaker. Errors in words: ``text.word_errors``.

Contours are arrays [frames] at 80 Hz (one frame every 12.5 ms). Two contours of different length are compared over
their common start. A metric of fewer than ``MIN_FRAMES`` frames is NaN.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError

MIN_FRAMES = 10

# Longest part of a waveform that is embedded, since the encoder's memory grows with it: 1 GB for an hour.
SPEAKER_SECONDS = 120


def align_lengths(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Crop two arrays, contours or waveforms, to their common length along the first axis."""
    length = min(len(a), len(b))
    return np.asarray(a)[:length], np.asarray(b)[:length]


def f0_correlation(f0_a: np.ndarray, f0_b: np.ndarray) -> float:
    """Pearson correlation of log F0 over the frames voiced in both contours [frames] in Hz (0 where unvoiced)."""
    return _pearson(*_voiced_in_both(f0_a, f0_b))


def f0_rmse_cents(f0_a: np.ndarray, f0_b: np.ndarray) -> float:
    """Root mean square distance in cents over the frames voiced in both contours [frames] in Hz (0 where unvoiced)."""
    a, b = _voiced_in_both(f0_a, f0_b)
    if len(a) < MIN_FRAMES:
        return float("nan")
    return float(1200 / np.log(2) * np.sqrt(np.mean((a - b) ** 2)))


def voicing_error(f0_a: np.ndarray, f0_b: np.ndarray) -> float:
    """Fraction of frames that are voiced in one contour [frames] and unvoiced (0) in the other."""
    a, b = align_lengths(f0_a, f0_b)
    return float(np.mean((a > 0) != (b > 0))) if len(a) >= MIN_FRAMES else float("nan")


def energy_correlation(n_a: np.ndarray, n_b: np.ndarray) -> float:
    """Pearson correlation of two log-energy contours [frames]."""
    return _pearson(*align_lengths(n_a, n_b))


def speaker_similarity(wave_a: np.ndarray, wave_b: np.ndarray, sample_rate: int) -> float | None:
    """SECS: cosine of the speaker embeddings of two waveforms [T]; 1 for the same voice.

    Embeddings are Resemblyzer's (GE2E, Wan et al. 2018), of the first two minutes of each waveform. None when that
    package, of the `evaluate` extra, is not installed; NaN when one of the waveforms holds no speech.
    """
    try:
        from resemblyzer import VoiceEncoder  # noqa: F401
    except ImportError:
        return None
    return cosine(*(speaker_embedding(wave, sample_rate) for wave in (wave_a, wave_b)))


def cosine(a: np.ndarray | None, b: np.ndarray | None) -> float:
    """Cosine of two speaker embeddings [256]; NaN where one is missing."""
    if a is None or b is None:
        return float("nan")
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))


def require_resemblyzer() -> None:
    """Check that the package of the speaker encoder is installed.

    Raises:
        UserError: it is not.
    """
    if not all(find_spec(name) for name in ("resemblyzer", "librosa", "webrtcvad")):
        raise UserError(
            "speaker similarity needs the evaluate extra: pip install 'nuanced-speech[evaluate]',"
            " then pip install --no-deps -r requirements-no-deps.txt"
        )


def _voiced_in_both(f0_a: np.ndarray, f0_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = align_lengths(f0_a, f0_b)
    voiced = (a > 0) & (b > 0)
    return np.log(a[voiced].astype(np.float64)), np.log(b[voiced].astype(np.float64))


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < MIN_FRAMES:
        return float("nan")
    a = a.astype(np.float64) - np.mean(a, dtype=np.float64)
    b = b.astype(np.float64) - np.mean(b, dtype=np.float64)
    scale = np.sqrt(np.sum(a**2) * np.sum(b**2))
    # NaN for a constant contour, whose deviations are rounding errors
    return float(np.sum(a * b) / scale) if scale > 1e-9 else float("nan")


@lru_cache(maxsize=1)
def _voice_encoder() -> Any:
    from resemblyzer import VoiceEncoder

    return VoiceEncoder("cpu", verbose=False)


def speaker_embedding(wave: np.ndarray, sample_rate: int) -> np.ndarray | None:
    """Resemblyzer's embedding [256], of length 1, of the speech in a waveform [T]; None where it finds no speech."""
    from resemblyzer import preprocess_wav

    wave = audio.resample(wave[: SPEAKER_SECONDS * sample_rate], sample_rate, audio.WHISPER_SAMPLE_RATE)
    if not np.any(wave):
        return None
    speech = preprocess_wav(wave)
    return _voice_encoder().embed_utterance(speech) if len(speech) else None
