"""A look-ahead limiter: no peak of a stream passes a ceiling, between its samples neither, and quiet sound stays as is.

True peaks are measured as in ITU-R BS.1770-5 (annex 2), on 8 points for each sample instead of 4. The gain falls before
a peak arrives and returns slowly; its course is that of the usual limiters (Giannoulis et al. 2012, "Digital dynamic
range compressor design"): the least gain of what lies ahead, a linear release in dB, and a smoothing window.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nuanced_speech.core.constants import SAMPLE_RATE

# -1 dBFS is 0.8913; what is left allows for the rounding to 16 bits and for peaks between the 8 points.
CEILING = 0.885
# For codecs that lose something: speech comes out by up to 13 % higher, by 22 % where it was six times too loud.
COMPRESSED_CEILING = 0.72
# Points between two samples, and samples on each side that they are interpolated from.
_POINTS, _REACH = 8, 16
_SHAPE = 6.0
# Samples at a time: the points between them take seven times the memory.
_BLOCK = 1 << 15


@dataclass(frozen=True)
class LimiterConfig:
    """Settings of the limiter.

    Attributes:
        ceiling: largest true peak, 1.0 being full scale.
        ahead_seconds: how long before a peak the gain begins to fall, and so the delay of a stream.
        release_db: dB in a second by which the gain returns.
    """

    ceiling: float = CEILING
    ahead_seconds: float = 0.005
    release_db: float = 60.0


class Limiter:
    """Limits one stream, chunk by chunk: ``push`` each, then ``finish``. Its output is the input's, a little later.

    Sound whose true peaks are below the ceiling comes out bit for bit.

    Args:
        sample_rate: Hz.
        config: ceiling and times.
    """

    def __init__(self, sample_rate: int = SAMPLE_RATE, config: LimiterConfig | None = None) -> None:
        self.config = config or LimiterConfig()
        self._ahead = max(round(self.config.ahead_seconds * sample_rate), 1)
        self._release = self.config.release_db / sample_rate
        window = np.hanning(self._ahead + 3)[1:-1]
        self._window = window / window.sum()
        # samples that wait for their gain, after those that the interpolation still needs
        # and, as before the stream there is silence, after as much of it as the gain needs to fall
        self._wave = np.zeros(_REACH + self._ahead, np.float32)
        self._lead = self._ahead
        # wanted gain in dB of waiting samples, as far as it is known
        self._allowed = np.zeros(0)
        # released gain in dB of the last samples that went out
        self._released = np.zeros(self._ahead)

    def push(self, chunk: np.ndarray) -> np.ndarray:
        """The next samples of the output, float32, for ``chunk [T]``; fewer at first, as many later."""
        chunk = np.asarray(chunk, np.float32)
        parts = [np.zeros(0, np.float32)]
        for begin in range(0, len(chunk), _BLOCK):
            self._wave = np.concatenate([self._wave, chunk[begin : begin + _BLOCK]])
            parts.append(self._emit(0))
        return np.concatenate(parts)

    def finish(self) -> np.ndarray:
        """The last samples."""
        self._wave = np.concatenate([self._wave, np.zeros(_REACH, np.float32)])
        return self._emit(self._ahead)

    def _emit(self, silence: int) -> np.ndarray:
        """What can go out, ``silence`` samples being known to follow."""
        waiting = self._wave[_REACH:]
        complete = len(waiting) - _REACH
        fresh = complete - len(self._allowed)
        if fresh > 0:
            peaks = true_peaks(self._wave[len(self._allowed) :], self.config.ceiling)
            with np.errstate(divide="ignore"):
                allowed = np.minimum(20 * np.log10(self.config.ceiling / peaks), 0.0)
            self._allowed = np.concatenate([self._allowed, allowed])
        ready = len(self._allowed) + silence - self._ahead
        if ready <= 0:
            return np.zeros(0, np.float32)
        out = waiting[:ready]
        if self._allowed.any() or self._released.any():
            out = out * self._gains(np.append(self._allowed, np.zeros(silence)), ready)
        self._allowed, self._wave = self._allowed[ready:], self._wave[ready:]
        lead = min(self._lead, len(out))
        self._lead -= lead
        return out[lead:]

    def _gains(self, allowed: np.ndarray, count: int) -> np.ndarray:
        """Factors, float32, of the next ``count`` samples, for wanted gains ``[count + ahead]`` in dB."""
        least = sliding_window_view(allowed, self._ahead + 1).min(axis=1)[:count]
        # r[n] = min(least[n], r[n - 1] + release), for all n at once
        steps = self._release * np.arange(1, count + 1)
        released = np.minimum(np.minimum.accumulate(least - steps), self._released[-1]) + steps
        released = np.minimum(released, 0.0)
        course = np.concatenate([self._released, released])
        self._released = course[-self._ahead :]
        gains = np.convolve(course, self._window, "valid")[-count:]
        return (10 ** (gains / 20)).astype(np.float32)


def limited(
    chunks: Iterable[np.ndarray], sample_rate: int = SAMPLE_RATE, config: LimiterConfig | None = None
) -> Iterator[np.ndarray]:
    """A stream of chunks ``[T]`` with no true peak above the ceiling; as long as it was, and unchanged where quiet."""
    limiter = Limiter(sample_rate, config)
    for chunk in chunks:
        ready = limiter.push(chunk)
        if len(ready):
            yield ready
    yield limiter.finish()


def limit(wave: np.ndarray, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """A whole waveform ``[T]``, float32, with no true peak above the ceiling; bit for bit the same if it is quiet."""
    return np.concatenate(list(limited([wave], sample_rate)))


def true_peak(wave: np.ndarray) -> float:
    """Largest magnitude of a waveform ``[T]``, also between its samples; 0 where there are none."""
    padded = np.pad(np.asarray(wave, np.float32), _REACH)
    return float(true_peaks(padded, 0.0).max(initial=0.0))


def true_peaks(wave: np.ndarray, above: float) -> np.ndarray:
    """Largest magnitude at each sample and half a sample around it, float64 ``[T - 32]``.

    Args:
        wave: ``[T]``, 16 samples more on each side than are measured.
        above: what interests; where no peak can reach this, the samples' magnitudes are returned.
    """
    peaks = np.abs(wave[_REACH : len(wave) - _REACH]).astype(np.float64)
    taps = _interpolation()
    if not len(peaks) or float(np.abs(wave).max()) * float(np.abs(taps).sum(axis=0).max()) < above:
        return peaks
    between = np.abs(sliding_window_view(wave, 2 * _REACH) @ taps).max(axis=1)
    return np.maximum(peaks, np.maximum(between[:-1], between[1:]))


@lru_cache
def _interpolation() -> np.ndarray:
    """Filters ``[32, 7]`` that give the points between the 16th and the 17th of 32 samples: a windowed sinc."""
    offsets = np.arange(1, _POINTS) / _POINTS
    distance = np.arange(2 * _REACH)[:, None] - (_REACH - 1) - offsets
    window = np.i0(_SHAPE * np.sqrt(np.maximum(1 - (distance / _REACH) ** 2, 0))) / np.i0(_SHAPE)
    taps = np.sinc(distance) * window
    return (taps / taps.sum(axis=0)).astype(np.float32)
