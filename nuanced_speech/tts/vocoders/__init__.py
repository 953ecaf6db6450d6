"""Vocoders: mel spectrogram ``[B, n_mels, frames]`` → waveform ``[B, frames * hop_length]``."""

from pathlib import Path
from typing import Protocol

from torch import Tensor

from nuanced_speech.errors import UserError
from nuanced_speech.tts.mel import MelConfig

NAMES = ("griffin-lim",)


class Vocoder(Protocol):
    """Speaks mel spectrograms of the kind that ``mel`` describes."""

    mel: MelConfig

    def __call__(self, mel: Tensor) -> Tensor:
        """``[B, n_mels, frames]`` to ``[B, frames * hop_length]``."""
        ...


def load(name: str | Path = "default") -> Vocoder:
    """A vocoder by name, or one that ``tts train-vocoder`` saved by its file.

    Raises:
        UserError: no such vocoder.
    """
    from nuanced_speech.tts.vocoders.griffin_lim import GriffinLim

    if name in ("default", "griffin-lim"):
        return GriffinLim()
    raise UserError(f"no vocoder {name!r}: give one of {', '.join(NAMES)} or a file that tts train-vocoder wrote")
