"""Recordings that come as arrays instead of files."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nuanced_speech.audio.channels import mixing_weights
from nuanced_speech.audio.decoding import MOST_CHANNELS, PLAUSIBLE_RATES
from nuanced_speech.audio.io import MIN_SECONDS
from nuanced_speech.audio.resampling import resample
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import ArrayError

# A peak beyond this is that of integers which were converted to floats and not scaled.
LARGEST_SAMPLE = 100.0
# Samples from -1 to 1 as whole numbers: the value of silence, and that of full scale above it.
_WHOLE = {"uint8": (128, 128), "int8": (0, 128), "int16": (0, 1 << 15), "int32": (0, 1 << 31)}


@dataclass(frozen=True)
class Recording:
    """A recording in memory, for ``Converter.convert``.

    Attributes:
        audio: ``[T]``, or several channels in either order; what ``waveform`` takes.
        sample_rate: Hz.
    """

    audio: Any
    sample_rate: int


def waveform(array: Any, sample_rate: int) -> np.ndarray:
    """A recording that was given as an array, as ``audio.read`` gives a file: float32 ``[T]``, mono, at 24 kHz.

    Args:
        array: ``[T]``, ``[channels, T]`` as librosa has it, or ``[T, channels]`` as soundfile has it; a NumPy array, a
            list or a tensor. Floats go from -1 to 1; int16, int32, int8 and uint8 are scaled to that. Channels are
            mixed as ``audio.read`` does it.
        sample_rate: of the array, Hz.

    Raises:
        ArrayError: a ``ValueError`` too: nothing in it, too short, other types or shapes, NaN or infinite, or floats
            far beyond full scale; or a sample rate that no recording has.
    """
    if isinstance(sample_rate, bool) or sample_rate not in PLAUSIBLE_RATES:
        raise ArrayError(f"sample_rate: {sample_rate!r} is not a sample rate in Hz; give one such as 16000")
    try:
        samples = np.asarray(array)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArrayError(f"the recording is no array of numbers ({type(error).__name__}); give one [T]") from error
    mono = _mono(_floats(samples))
    if len(mono) < MIN_SECONDS * sample_rate:
        raise ArrayError(f"the recording has {len(mono)} samples; give at least {MIN_SECONDS:g} s")
    if not np.isfinite(mono).all():
        raise ArrayError("the recording holds NaN or infinite numbers; remove them first")
    peak = float(np.abs(mono).max())
    if peak > LARGEST_SAMPLE:
        raise ArrayError(f"the recording's peak is {peak:.0f}; give floats from -1 to 1, or integers as int16")
    return resample(mono, sample_rate, SAMPLE_RATE)


def _floats(samples: np.ndarray) -> np.ndarray:
    """Samples of any type as floats from -1 to 1."""
    if samples.dtype.name in _WHOLE:
        silence, scale = _WHOLE[samples.dtype.name]
        return ((samples.astype(np.float64) - silence) / scale).astype(np.float32)
    if samples.size and samples.dtype.kind != "f":
        raise ArrayError(f"the recording is of type {samples.dtype}; give floats from -1 to 1, or int16")
    return samples


def _mono(samples: np.ndarray) -> np.ndarray:
    """float32 ``[T]`` of ``[T]``, ``[channels, T]`` or ``[T, channels]``: the shorter side is the channels."""
    if samples.ndim == 2 and samples.size and min(samples.shape) <= MOST_CHANNELS:
        if np.argmin(samples.shape) == 0:
            samples = samples.T
        weights = mixing_weights([samples], samples.shape[1]) if samples.shape[1] > 1 else None
        samples = samples.mean(axis=1) if weights is None else samples @ weights
    if samples.ndim != 1 or not samples.size:
        raise ArrayError(f"the recording is of shape {samples.shape}; give [T] or [channels, T], not empty")
    # numbers too large for float32 become infinite here, and are refused after
    with np.errstate(over="ignore"):
        return samples.astype(np.float32, copy=False)
