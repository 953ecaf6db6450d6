"""ALBERT (Lan et al. 2020) as Kokoro uses it: one transformer block, applied twelve times, over phonemes.

Names of the weights and the arithmetic are those of ``transformers.AlbertModel``, so that its checkpoints load and the
numbers are the same to the bit; importing that package takes longer than speaking a sentence.
"""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EMBEDDING_DIM = 128
NORM_EPS = 1e-12
TOKEN_TYPES = 2


class Albert(nn.Module):
    """Token ids ``[B, P]`` to hidden states ``[B, P, hidden_size]``.

    Args:
        vocabulary: number of tokens.
        hidden_size, intermediate_size: widths of the states and of the feed-forward layer.
        num_attention_heads, num_hidden_layers: heads of the block, and how often it is applied.
        max_position_embeddings: longest sequence.
    """

    def __init__(
        self,
        vocabulary: int,
        hidden_size: int,
        num_attention_heads: int,
        intermediate_size: int,
        max_position_embeddings: int,
        num_hidden_layers: int,
    ) -> None:
        super().__init__()
        self.embeddings = _Embeddings(vocabulary, max_position_embeddings)
        self.encoder = _Encoder(hidden_size, intermediate_size, num_attention_heads, num_hidden_layers)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Hidden states of ``ids``; ``mask [B, P]`` is True at tokens, False in the padding."""
        attended = None if bool(mask.all()) else mask[:, None, None].expand(-1, -1, ids.shape[1], -1)
        return self.encoder(self.embeddings(ids), attended)


def bare_embedding(count: int, width: int) -> nn.Embedding:
    """An embedding without values, for weights that are loaded: to draw them without memory imports a compiler."""
    return nn.Embedding(count, width, _weight=torch.empty(count, width))


class _Embeddings(nn.Module):
    def __init__(self, vocabulary: int, positions: int) -> None:
        super().__init__()
        self.word_embeddings = bare_embedding(vocabulary, EMBEDDING_DIM)
        self.position_embeddings = bare_embedding(positions, EMBEDDING_DIM)
        self.token_type_embeddings = bare_embedding(TOKEN_TYPES, EMBEDDING_DIM)
        self.LayerNorm = nn.LayerNorm(EMBEDDING_DIM, eps=NORM_EPS)

    def forward(self, ids: Tensor) -> Tensor:
        # all tokens are of the first type
        typed = self.word_embeddings(ids) + self.token_type_embeddings.weight[0]
        return self.LayerNorm(typed + self.position_embeddings.weight[: ids.shape[1]])


class _Encoder(nn.Module):
    def __init__(self, width: int, inner: int, heads: int, repeats: int) -> None:
        super().__init__()
        self.repeats = repeats
        self.embedding_hidden_mapping_in = nn.Linear(EMBEDDING_DIM, width)
        self.albert_layer_groups = nn.ModuleList([_Group(width, inner, heads)])

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = self.embedding_hidden_mapping_in(x)
        block = cast(_Group, self.albert_layer_groups[0]).albert_layers[0]
        for _ in range(self.repeats):
            x = block(x, mask)
        return x


class _Group(nn.Module):
    """A level of names in the checkpoint."""

    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self.albert_layers = nn.ModuleList([_Block(width, inner, heads)])


class _Block(nn.Module):
    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self.attention = _Attention(width, heads)
        self.ffn = nn.Linear(width, inner)
        self.ffn_output = nn.Linear(inner, width)
        self.full_layer_layer_norm = nn.LayerNorm(width, eps=NORM_EPS)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = self.attention(x, mask)
        return self.full_layer_layer_norm(self.ffn_output(_gelu(self.ffn(x))) + x)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.dense = nn.Linear(width, width)
        self.LayerNorm = nn.LayerNorm(width, eps=NORM_EPS)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        query, key, value = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        attended = F.scaled_dot_product_attention(query, key, value, mask)
        return self.LayerNorm(x + self.dense(attended.transpose(1, 2).flatten(-2)))


def _gelu(x: Tensor) -> Tensor:
    """GELU by its tanh approximation (Hendrycks and Gimpel 2016); torch's own rounds otherwise."""
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))
