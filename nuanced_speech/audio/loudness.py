"""Loudness by ITU-R BS.1770-5 of streams of any length, in LUFS.

pyloudnorm, which the tests compare with, takes a whole recording at once, in some ten times its memory.
"""

import math

import numpy as np
from scipy.signal import bilinear, sosfilt

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError

BROADCAST_LUFS = -23.0
"""Target of EBU R 128."""
_OFFSET = -0.691
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
# 400 ms blocks that overlap by 75 %: four steps of 100 ms each
_STEP_SECONDS, _STEPS = 0.1, 4


class LoudnessMeter:
    """Measures a mono stream: ``push`` its chunks, then read ``lufs``.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int = SAMPLE_RATE) -> None:
        self._filter = k_weighting(sample_rate)
        self._state = np.zeros((len(self._filter), 2))
        self._step = round(_STEP_SECONDS * sample_rate)
        self._rest = np.zeros(0)
        self._powers: list[np.ndarray] = []

    def push(self, chunk: np.ndarray) -> None:
        """Take the next samples ``[T]``."""
        if not len(chunk):
            return
        weighted, self._state = sosfilt(self._filter, np.asarray(chunk, np.float64), zi=self._state)
        samples = np.concatenate([self._rest, weighted])
        whole = len(samples) // self._step
        steps, self._rest = samples[: whole * self._step].reshape(whole, self._step), samples[whole * self._step :]
        self._powers.append(np.mean(steps**2, axis=1))

    @property
    def lufs(self) -> float:
        """Integrated loudness so far, with both gates; -inf where all is below -70 LUFS.

        Of what is shorter than a block, the mean without gates.
        """
        steps = np.concatenate([*self._powers, np.zeros(0)])
        if len(steps) < _STEPS:
            samples = len(steps) * self._step + len(self._rest)
            energy = steps.sum() * self._step + (self._rest**2).sum()
            return _lufs(energy / samples if samples else 0.0)
        blocks = np.convolve(steps, np.full(_STEPS, 1 / _STEPS), "valid")
        blocks = blocks[blocks > _power(_ABSOLUTE_GATE)]
        if not len(blocks):
            return -math.inf
        return _lufs(blocks[blocks > blocks.mean() * 10 ** (_RELATIVE_GATE / 10)].mean())


def loudness(wave: np.ndarray, sample_rate: int = SAMPLE_RATE) -> float:
    """Integrated loudness of a mono waveform ``[T]`` in LUFS; -inf where it is silent."""
    meter = LoudnessMeter(sample_rate)
    meter.push(wave)
    return meter.lufs


def gain_to(target: float, measured: float) -> np.float32:
    """The factor that brings sound of a measured loudness to another, both in LUFS; 1 for silence."""
    return np.float32(10 ** ((target - measured) / 20)) if math.isfinite(measured) else np.float32(1.0)


def check_loudness(target: float) -> None:
    """Raise UserError unless recordings can have a loudness of ``target`` LUFS."""
    if not -70.0 <= target <= -5.0:
        raise UserError(f"loudness {target:g}: give LUFS between -70 and -5, such as -23 or -16")


def k_weighting(sample_rate: int) -> np.ndarray:
    """The two filters of BS.1770 at any rate, as second-order sections ``[2, 6]``: a high shelf and a high pass.

    The analogue filters are those whose bilinear transforms at 48 kHz are the recommendation's coefficients.
    """
    shelf = _section(1681.974450955533, 0.7071752369554196, (1.5848647011308556, 1.2587209302325562, 1.0), sample_rate)
    high_pass = _section(38.13547087602444, 0.5003270373238773, (1.0, 0.0, 0.0), sample_rate)
    # the recommendation leaves this numerator as it is
    high_pass[:3] = 1.0, -2.0, 1.0
    return np.array([shelf, high_pass])


def _section(frequency: float, quality: float, zeros: tuple[float, float, float], sample_rate: int) -> list[float]:
    """A second-order section; ``zeros`` are the factors of the numerator, from the highest power down."""
    warped = 2 * sample_rate * math.tan(math.pi * frequency / sample_rate)
    high, band, low = zeros
    numerator = [high, band * warped / quality, low * warped**2]
    b, a = bilinear(numerator, [1.0, warped / quality, warped**2], sample_rate)
    return [*map(float, b), *map(float, a)]


def _lufs(power: float) -> float:
    return _OFFSET + 10 * math.log10(power) if power > 0 else -math.inf


def _power(lufs: float) -> float:
    return 10 ** ((lufs - _OFFSET) / 10)
