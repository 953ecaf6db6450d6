"""A style: the numbers that tell Kokoro whose voice speaks, and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nuanced_speech.core.constants import PROSODY_DIM, STYLE_DIM, TIMBRE_DIM


@dataclass(frozen=True, eq=False)
class Style:
    """A style in its three parts, for one voice or for a batch of voices ``...``.

    Attributes:
        timbre: ``[..., 128]``; drives the decoder, and so the sound of the voice.
        prosody: ``[..., 128]``; drives the predictor, and so durations, F0 and energy.
        extension: ``[..., K]``; more numbers for an extended decoder (``models.timbre_extension``). K is 0 where the
            decoder has no extension.

    Raises:
        ValueError: parts of other sizes, or of different batch shapes.
    """

    timbre: Tensor
    prosody: Tensor
    extension: Tensor

    def __post_init__(self) -> None:
        if self.timbre.shape[-1] != TIMBRE_DIM or self.prosody.shape[-1] != PROSODY_DIM:
            raise ValueError(
                f"a style has a timbre of {TIMBRE_DIM} and a prosody of {PROSODY_DIM} numbers, "
                f"not {self.timbre.shape[-1]} and {self.prosody.shape[-1]}"
            )
        if not self.timbre.shape[:-1] == self.prosody.shape[:-1] == self.extension.shape[:-1]:
            raise ValueError("timbre, prosody and extension of a style must have one batch shape")

    @classmethod
    def from_vector(cls, vector: Tensor) -> "Style":
        """The style of a packed vector ``[..., 256 + K]``: timbre, prosody, extension. The parts are views of it.

        Raises:
            ValueError: fewer than 256 numbers.
        """
        if vector.shape[-1] < STYLE_DIM:
            raise ValueError(f"a packed style has at least {STYLE_DIM} numbers, not {vector.shape[-1]}")
        sizes = (TIMBRE_DIM, PROSODY_DIM, vector.shape[-1] - STYLE_DIM)
        return cls(*vector.split(sizes, dim=-1))

    @classmethod
    def of_prosody(cls, prosody: Tensor) -> "Style":
        """The style of a prosody ``[..., 128]`` alone, for the predictor: its timbre is zero, without extension."""
        return cls(torch.zeros_like(prosody), prosody, prosody.new_zeros(*prosody.shape[:-1], 0))

    @classmethod
    def stack(cls, styles: Sequence["Style"]) -> "Style":
        """Styles of one batch shape ``...`` as a batch ``[N, ...]``."""
        return cls.from_vector(torch.stack([style.vector for style in styles]))

    def __len__(self) -> int:
        """Size of the first batch dimension."""
        return len(self.timbre)

    def __getitem__(self, index: Any) -> "Style":
        """The styles at an index of the batch dimensions, as a tensor takes it."""
        return Style(self.timbre[index], self.prosody[index], self.extension[index])

    @property
    def device(self) -> torch.device:
        """Where the numbers are."""
        return self.timbre.device

    @property
    def vector(self) -> Tensor:
        """The packed vector ``[..., 256 + K]``: timbre, prosody, extension."""
        return torch.cat([self.timbre, self.prosody, self.extension], -1)

    @property
    def decoder(self) -> Tensor:
        """The numbers that the decoder takes ``[..., 128 + K]``: timbre and extension."""
        return torch.cat([self.timbre, self.extension], -1)
