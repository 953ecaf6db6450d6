"""The delay pattern (Copet et al. 2023, MusicGen): codebook k comes k steps later than the first.

So one step of the model says one code of each codebook, and each code can depend on the coarser ones of its frame.
"""

import torch
from torch import Tensor


def end(entries: int) -> int:
    """The token that ends a codebook's row."""
    return entries


def empty(entries: int) -> int:
    """The token where a codebook has nothing to say: before its delay and after its end."""
    return entries + 1


def delayed(codes: Tensor, entries: int) -> Tensor:
    """Rows ``[K, F + K]`` of codes ``[K, F]``: row k is k empty tokens, F codes, the end, and empty tokens again."""
    codebooks, frames = codes.shape
    rows = torch.full((codebooks, frames + codebooks), empty(entries), dtype=torch.long)
    for k in range(codebooks):
        rows[k, k : k + frames] = codes[k]
        rows[k, k + frames] = end(entries)
    return rows


def undelayed(rows: Tensor, frames: int) -> Tensor:
    """Codes ``[K, F]`` of rows ``[K, F + K - 1 or more]``: the inverse of ``delayed``."""
    return torch.stack([row[k : k + frames] for k, row in enumerate(rows)])
