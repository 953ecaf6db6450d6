"""Attention of the fast decoder over frames of recordings, whose keys and queries are content."""

import torch
from torch import Tensor, nn

from nuanced_speech.core.constants import CONTENT_DIM, ENVELOPE_BANDS
from nuanced_speech.models.decoder_voice import Reference


class ReferenceAttention(nn.Module):
    """Envelopes and features of the reference's frames that are like the present content.

    Args:
        width: number of features.
        heads: number of heads.
        key: size of each head's key.
    """

    def __init__(self, width: int, heads: int, key: int) -> None:
        super().__init__()
        self.heads, size = heads, heads * key
        self.query = nn.Sequential(nn.LayerNorm(CONTENT_DIM), nn.Linear(CONTENT_DIM, size))
        self.key = nn.Sequential(nn.LayerNorm(CONTENT_DIM), nn.Linear(CONTENT_DIM, size))
        self.value = nn.Linear(CONTENT_DIM + ENVELOPE_BANDS, size)
        self.sharpness = nn.Parameter(torch.full((heads, 1, 1), 1.0))
        self.mixture = nn.Parameter(torch.zeros(heads))
        self.out = nn.Linear(size + ENVELOPE_BANDS, width)

    def forward(self, content: Tensor, reference: Reference) -> tuple[Tensor, Tensor]:
        """Features ``[B, T, width]`` and envelope ``[B, T, 64]`` for content ``[B, T, 512]``; zero for an item without
        reference."""
        value = self._split(self.value(torch.cat([reference.content, reference.envelope], -1)))
        has_reference = reference.mask.any(-1)[:, None, None]
        weights = self._weights(content, reference)
        envelope = self._envelope(weights, reference)
        features = (weights @ value).transpose(1, 2).flatten(2)
        return self.out(torch.cat([features, envelope], -1)) * has_reference, envelope * has_reference

    def usual(self, content: Tensor, reference: Reference) -> Tensor:
        """The envelope alone ``[B, T, 64]``."""
        return self._envelope(self._weights(content, reference), reference)

    def _weights(self, content: Tensor, reference: Reference) -> Tensor:
        """Share of each of the reference's frames ``[B, heads, T, R]``."""
        query, key = self._split(self.query(content)), self._split(self.key(reference.content))
        has_reference = reference.mask.any(-1)[:, None, None]
        hidden = ~(reference.mask | ~has_reference[:, 0])[:, None, None]
        scores = self.sharpness.exp() * (query @ key.transpose(-1, -2)) * query.shape[-1] ** -0.5
        return scores.masked_fill(hidden, -1e4).softmax(-1)

    def _envelope(self, weights: Tensor, reference: Reference) -> Tensor:
        return (self.mixture.softmax(0)[:, None, None] * weights).sum(1) @ reference.envelope

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
