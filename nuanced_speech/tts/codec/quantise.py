"""Residual vector quantisation: each codebook codes what the ones before it left over.

Zeghidour et al. 2021 (SoundStream) and Défossez et al. 2022 (EnCodec): codebooks follow the vectors that chose them by
exponential moving averages, and an entry that nobody chooses is put where a vector of the batch is.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# An entry that is chosen this much more seldom than the mean entry counts as dead.
DEAD = 0.03


class Quantised(NamedTuple):
    """What the quantiser makes of vectors ``[B, F, D]``.

    Attributes:
        vectors: ``[B, F, D]``, with the gradient of the vectors that went in.
        codes: ``[B, K, F]``.
        commitment: mean squared distance of what each codebook was given from what it chose, a scalar.
    """

    vectors: Tensor
    codes: Tensor
    commitment: Tensor


class ResidualVectorQuantiser(nn.Module):
    """``codebooks`` codebooks of ``entries`` vectors ``[dim]``.

    Attributes:
        entries: the vectors ``[K, N, D]``.
        counts, sums: moving averages of how often each was chosen ``[K, N]`` and of the sum of what chose it
            ``[K, N, D]``; needed for training only.
    """

    entries: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, codebooks: int, entries: int, dim: int, decay: float = 0.99) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("entries", torch.randn(codebooks, entries, dim))
        self.register_buffer("counts", torch.zeros(codebooks, entries))
        self.register_buffer("sums", torch.zeros(codebooks, entries, dim))

    def forward(self, vectors: Tensor, mask: Tensor | None = None, used: Tensor | None = None) -> Quantised:
        """Quantise vectors ``[B, F, D]``; in training mode the codebooks learn from them.

        ``mask [B, F]`` is true where a frame counts. ``used [B]`` says how many codebooks each item may use (quantiser
        dropout), all by default.
        """
        batch, frames, _ = vectors.shape
        codebooks = len(self.entries)
        valid = torch.ones(batch, frames, dtype=torch.bool, device=vectors.device) if mask is None else mask
        used = torch.full((batch,), codebooks, device=vectors.device) if used is None else used
        residual, total = vectors, torch.zeros_like(vectors)
        codes, distances = [], []
        for number in range(codebooks):
            if self.training:
                self._revive(number, residual.detach()[valid])
            chosen = self._nearest(number, residual.detach())
            quantised = self.entries[number][chosen]
            if self.training:
                self._follow(number, residual.detach()[valid], chosen[valid])
            distances.append((residual - quantised)[valid].square().mean())
            residual = residual - quantised
            total = total + quantised * (number < used)[:, None, None]
            codes.append(chosen)
        straight = vectors + (total - vectors).detach()
        return Quantised(straight, torch.stack(codes, 1), torch.stack(distances).mean())

    def lookup(self, codes: Tensor) -> Tensor:
        """Vectors ``[B, F, D]`` of codes ``[B, K, F]``; K may be any number of the first codebooks."""
        return sum(
            (self.entries[number][codes[:, number]] for number in range(codes.shape[1])),
            torch.zeros(codes.shape[0], codes.shape[2], self.entries.shape[2], device=codes.device),
        )

    def _nearest(self, number: int, vectors: Tensor) -> Tensor:
        """The nearest entry's index ``[B, F]`` to each of ``[B, F, D]``."""
        entries = self.entries[number]
        # |x - e|² without |x|², which is the same for all entries
        return (entries.square().sum(-1) - 2 * vectors @ entries.T).argmin(-1)

    @torch.no_grad()
    def _revive(self, number: int, vectors: Tensor) -> None:
        """Put dead entries where random vectors of ``[M, D]`` are; at the first call all are dead."""
        counts = self.counts[number]
        mean = counts.mean()
        dead = torch.nonzero((counts < DEAD * mean) | (mean == 0))[:, 0]
        if len(dead) == 0 or len(vectors) == 0:
            return
        # never more than a batch can fill
        dead = dead[: len(vectors)] if mean > 0 else dead
        drawn = vectors[torch.randint(len(vectors), (len(dead),), device=vectors.device)]
        drawn = drawn + 0.01 * vectors.std() * torch.randn_like(drawn)
        count = mean.clamp(min=1.0)
        self.entries[number, dead], self.counts[number, dead] = drawn, count
        self.sums[number, dead] = drawn * count

    @torch.no_grad()
    def _follow(self, number: int, vectors: Tensor, chosen: Tensor) -> None:
        """Move the entries towards the vectors ``[M, D]`` that chose them, ``chosen [M]``."""
        choice = F.one_hot(chosen, self.entries.shape[1]).to(vectors.dtype)
        self.counts[number].lerp_(choice.sum(0), 1 - self.decay)
        self.sums[number].lerp_(choice.T @ vectors, 1 - self.decay)
        self.entries[number] = self.sums[number] / self.counts[number].clamp(min=1e-5)[:, None]


def perplexity(codes: Tensor, entries: int) -> Tensor:
    """How many entries of each codebook are in use ``[K]``: the exponential of the entropy of codes ``[B, K, F]``."""
    counts = torch.stack([torch.bincount(book.flatten(), minlength=entries) for book in codes.unbind(1)]).float()
    shares = counts / counts.sum(-1, keepdim=True)
    return (-(shares * shares.clamp(min=1e-12).log()).sum(-1)).exp()
