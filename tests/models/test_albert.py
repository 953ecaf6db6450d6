"""ALBERT against the one of ``transformers``: the same numbers, to the bit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nuanced_speech.models.albert import EMBEDDING_DIM, Albert

SIZES = {
    "hidden_size": 96, "num_attention_heads": 4, "intermediate_size": 128, "max_position_embeddings": 64,
    "num_hidden_layers": 3,
}  # fmt: skip
TOKENS = 40


@torch.no_grad()
@pytest.mark.parametrize("lengths", [[17, 17], [17, 9]])
def test_it_computes_what_transformers_computes(lengths: list[int]) -> None:
    from transformers import AlbertConfig, AlbertModel

    torch.manual_seed(0)
    theirs = AlbertModel(AlbertConfig(vocab_size=TOKENS, embedding_size=EMBEDDING_DIM, **SIZES)).eval()
    ours = Albert(TOKENS, **SIZES).eval()
    missing, unknown = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert not missing
    assert all(name.startswith("pooler") for name in unknown)
    ids = torch.randint(1, TOKENS, (2, 17))
    mask = torch.arange(17) < torch.tensor(lengths)[:, None]
    expected: Tensor = theirs(ids, attention_mask=mask.int()).last_hidden_state
    assert torch.equal(ours(ids, mask), expected)
