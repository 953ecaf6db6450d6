"""The post chain: small effects that make decoded audio as loud, as bright and as coloured as a reference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.dsp.loudness import amplify, expander_gain, match_loudness
from nuanced_speech.dsp.spectral_balance import (
    USUAL,
    Closeness,
    SpectralBalance,
    follow_balance,
    match_balance,
    measure_balance,
)
from nuanced_speech.synthesis.speaker_eq import SpeakerEq


@dataclass(frozen=True)
class EffectReference:
    """What the output shall measure like, at 80 Hz.

    Attributes:
        energy: log energy N, ``[frames]``.
        pauses: gain in dB that makes the recording's pauses quieter, ``[frames]``.
        balance: spectral balance, ``frames`` long.
    """

    energy: np.ndarray
    pauses: np.ndarray
    balance: SpectralBalance

    @classmethod
    def of(
        cls, features: SegmentFeatures, frames: slice | np.ndarray = slice(None), closeness: Closeness = USUAL
    ) -> "EffectReference":
        """The reference that a segment gives, or some of its frames in their order."""
        energy, balance = features.energy[frames], features.balance
        if closeness != balance.closeness:
            balance = measure_balance(np.nan_to_num(features.wave), closeness)
        return cls(energy, expander_gain(energy), balance[frames])

    def __getitem__(self, frames: slice) -> "EffectReference":
        return replace(self, energy=self.energy[frames], pauses=self.pauses[frames], balance=self.balance[frames])


class Effect(Protocol):
    """``wave [300 * frames]`` at 24 kHz to the same, by a reference of so many frames."""

    def __call__(self, wave: np.ndarray, reference: EffectReference) -> np.ndarray:
        """Apply it."""
        ...


@dataclass(frozen=True)
class MatchBalance:
    """The spectral balance of the reference, moment by moment: for the recording's own voice."""

    def __call__(self, wave: np.ndarray, reference: EffectReference) -> np.ndarray:
        """Apply it."""
        return match_balance(wave, reference.balance)


@dataclass(frozen=True)
class FollowBalance:
    """The reference's changes of spectral balance, around another voice's long-term spectrum.

    Attributes:
        spectrum: log energies of the bands ``[BANDS]``; None where the voice's own are kept.
    """

    spectrum: np.ndarray | None = None

    def __call__(self, wave: np.ndarray, reference: EffectReference) -> np.ndarray:
        """Apply it."""
        return follow_balance(wave, reference.balance, self.spectrum)


@dataclass(frozen=True)
class Equalize:
    """A speaker's equaliser."""

    equalizer: SpeakerEq

    def __call__(self, wave: np.ndarray, reference: EffectReference) -> np.ndarray:
        """Apply it."""
        return self.equalizer(wave)


@dataclass(frozen=True)
class MatchLoudness:
    """The loudness contour of the reference, with pauses made quieter."""

    def __call__(self, wave: np.ndarray, reference: EffectReference) -> np.ndarray:
        """Apply it."""
        return amplify(match_loudness(wave, reference.energy), reference.pauses)


def apply(effects: Sequence[Effect], wave: np.ndarray, reference: EffectReference) -> np.ndarray:
    """``wave [300 * frames]`` after all effects in order."""
    for effect in effects:
        wave = effect(wave, reference)
    return wave
