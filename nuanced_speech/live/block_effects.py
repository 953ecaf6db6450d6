"""The post chain of a stream: spectral balance and loudness of the source, followed from block to block."""

from dataclasses import dataclass

import numpy as np

from nuanced_speech.audio.fades import crossfade
from nuanced_speech.core.constants import HOP_LENGTH, SAMPLE_RATE, SAMPLES_PER_UNIT
from nuanced_speech.dsp.loudness import match_loudness
from nuanced_speech.dsp.spectral_balance import USUAL, Closeness, follow_balance, match_balance, measure_balance


@dataclass(frozen=True)
class EffectsConfig:
    """How much sound the effects see.

    Attributes:
        window_seconds: newest sound that the balance is measured in.
        held_samples: decoded sound that waits for what follows it, which spectra and smoothing see too.
        fade_samples: crossfade from what the last window made of these samples, a little of what is held.
    """

    window_seconds: float = 2.0
    held_samples: int = 1200
    fade_samples: int = 240


class BlockEffects:
    """Finishes the decoded sound of one stretch of speech; all pieces together are as long as what was decoded.

    Args:
        own: the voice is the source's own, so that its balance is matched outright; another voice keeps its long-term
            spectrum.
        closeness: how closely a balance is matched.
        config: how much sound is seen.
    """

    def __init__(
        self, own: bool = False, closeness: Closeness = USUAL, config: EffectsConfig = EffectsConfig()
    ) -> None:
        self.own, self.closeness, self.config = own, closeness, config
        self._source, self._energy = np.zeros(0, np.float32), np.zeros(0, np.float32)
        self._decoded = np.zeros(0, np.float32)
        self._given = 0  # samples of what is decoded that were given out
        self._onward = np.zeros(0, np.float32)  # what the last window made of those that follow

    def hear(self, source: np.ndarray, energy: np.ndarray) -> None:
        """The next block of the source ``[600 * T]`` at 24 kHz, and its N as it is measured ``[2T]``."""
        self._source = np.concatenate([self._source, source])
        self._energy = np.concatenate([self._energy, energy])

    def push(self, decoded: np.ndarray) -> np.ndarray:
        """The sound ``[samples]`` that further decoded sound makes ready."""
        self._decoded = np.concatenate([self._decoded, decoded])
        return self._finished(len(self._decoded) - self.config.held_samples)

    def finish(self, decoded: np.ndarray) -> np.ndarray:
        """The rest, after the last decoded sound."""
        self._decoded = np.concatenate([self._decoded, decoded])
        return self._finished(len(self._decoded))

    def _finished(self, end: int) -> np.ndarray:
        """What is decoded up to ``end``, as far as it was not given yet."""
        if end <= self._given:
            return np.zeros(0, np.float32)
        made, first = self._made(), self._given
        piece, count = made[first:end].copy(), min(len(self._onward), end - first)
        if count:
            piece[:count] = crossfade(self._onward[:count], piece[:count])
        self._onward, self._given = made[end : end + self.config.fade_samples], end
        self._forget()
        return piece

    def _made(self) -> np.ndarray:
        """All decoded sound that is held, finished."""
        count = len(self._decoded)
        wave = np.pad(self._decoded, (0, -count % SAMPLES_PER_UNIT))
        frames = min(len(wave) // HOP_LENGTH, len(self._energy))
        wave, source = wave[: frames * HOP_LENGTH], self._source[: frames * HOP_LENGTH]
        if self.own:
            balanced = match_balance(wave, measure_balance(source, self.closeness))
        else:
            balanced = follow_balance(wave, measure_balance(source))
        made = match_loudness(balanced, self._energy[:frames])
        return np.pad(made, (0, max(count - len(made), 0)))[:count]

    def _forget(self) -> None:
        """Let go of what lies before the window."""
        spare = self._given - round(self.config.window_seconds * SAMPLE_RATE)
        count = max(spare, 0) // SAMPLES_PER_UNIT * SAMPLES_PER_UNIT
        self._source, self._decoded = self._source[count:], self._decoded[count:]
        self._energy, self._given = self._energy[count // HOP_LENGTH :], self._given - count
