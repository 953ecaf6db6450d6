"""G.711: telephone sound of eight bits a sample at 8 kHz, by the mu-law of America and Japan or the A-law elsewhere."""

from typing import Literal

import numpy as np

from nuanced_speech.audio.pcm import from_int16

RATE = 8000
Law = Literal["mu", "a"]


def _mu_law() -> np.ndarray:
    codes = ~np.arange(256, dtype=np.uint8).astype(np.int32)
    step, exponent = codes & 0xF, (codes >> 4) & 7
    size = (((step << 3) + 0x84) << exponent) - 0x84
    return np.where(codes & 0x80, -size, size).astype(np.int16)


def _a_law() -> np.ndarray:
    codes = np.arange(256, dtype=np.int32) ^ 0x55
    step, exponent = codes & 0xF, (codes >> 4) & 7
    size = np.where(exponent == 0, (step << 4) + 8, ((step << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(codes & 0x80, size, -size).astype(np.int16)


_LEVELS = {"mu": _mu_law(), "a": _a_law()}


def decode(data: bytes, law: Law) -> np.ndarray:
    """float32 ``[T]`` at 8 kHz of ``T`` bytes."""
    return from_int16(_LEVELS[law][np.frombuffer(data, np.uint8)])
