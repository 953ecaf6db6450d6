"""What every acoustic model does: phonemes and a speaker embedding to a mel spectrogram and durations."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nuanced_speech.dsp.mel import MEL
from nuanced_speech.tts.acoustic.data import Batch


@dataclass(frozen=True)
class AcousticOutput:
    """A mel spectrogram ``[frames, 80]`` and the frames of each phoneme ``[T]``; of a model that aligns by attention,
    its weights ``[steps, T]`` too, and whether it came to an end by itself."""

    mel: Tensor
    durations: Tensor
    alignment: Tensor | None = None
    ended: bool = True


@dataclass(frozen=True)
class Loss:
    """``total``, which is minimised; its parts, for the log; the mel ``[B, frames, 80]`` that was predicted, and the
    attention ``[B, steps, T]`` where there is one."""

    total: Tensor
    parts: dict[str, Tensor]
    mel: Tensor
    alignment: Tensor | None = None


class AcousticModel(nn.Module):
    """Base of the models. Inside they work on mels of mean 0 and deviation 1 in every band.

    Attributes:
        name: as ``model`` of its training has it.
        config: a frozen dataclass, kept in the file of weights.
        mean, scale: of the bands, ``[80]``; ``calibrate`` sets them.
    """

    name: str
    config: Any
    needs_durations = needs_pitch = False
    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((MEL.n_mels,), -5.5))
        self.register_buffer("scale", torch.full((MEL.n_mels,), 2.5))

    @torch.no_grad()
    def calibrate(self, mels: Tensor) -> None:
        """Take mean and deviation from frames ``[N, 80]``."""
        self.mean.copy_(mels.mean(0))
        self.scale.copy_(mels.std(0).clamp(min=0.1))

    def normalised(self, mel: Tensor) -> Tensor:
        """Log mel to mean 0 and deviation 1."""
        return (mel - self.mean) / self.scale

    def log_mel(self, normalised: Tensor) -> Tensor:
        """The inverse of ``normalised``."""
        return normalised * self.scale + self.mean

    def loss(self, batch: Batch, done: float = 0.0) -> Loss:
        """What training minimises, when the share ``done`` of it (0 to 1) is over."""
        raise NotImplementedError

    def speak(self, phonemes: Tensor, embedding: Tensor, speed: float = 1.0) -> AcousticOutput:
        """Ids ``[T]`` and a speaker ``[256]`` to a mel spectrogram."""
        raise NotImplementedError


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``values [B, T, ...]`` where ``mask [B, T]`` is True."""
    kept = values[mask]
    return kept.mean() if kept.numel() else values.sum() * 0
