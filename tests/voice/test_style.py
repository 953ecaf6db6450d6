"""``Style``: three parts, packed and unpacked."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
import torch

from nuanced_speech.voice.stock import stock_voices, style_of
from nuanced_speech.voice.style import Style


@pytest.mark.parametrize("shape", [(256,), (3, 256), (2, 3, 320)])
def test_a_vector_is_split_and_joined_again(shape: tuple[int, ...]) -> None:
    vector = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    style = Style.from_vector(vector)
    assert style.timbre.shape == style.prosody.shape == (*shape[:-1], 128)
    assert style.extension.shape == (*shape[:-1], shape[-1] - 256)
    assert torch.equal(style.vector, vector)
    assert torch.equal(style.timbre, vector[..., :128]) and torch.equal(style.prosody, vector[..., 128:256])
    assert torch.equal(style.decoder, torch.cat([vector[..., :128], vector[..., 256:]], -1))


def test_a_stock_style_has_no_extension_and_a_gradient_reaches_every_part() -> None:
    vector = style_of(stock_voices()["af_heart"]).clone().requires_grad_()
    style = Style.from_vector(vector)
    assert style.extension.shape == (0,) and torch.equal(style.decoder, style.timbre)
    (style.decoder.sum() + 2 * style.prosody.sum()).backward()
    assert vector.grad is not None
    assert torch.equal(vector.grad, torch.cat([torch.ones(128), torch.full((128,), 2.0)]))


def test_a_style_cannot_be_changed_and_has_parts_of_the_right_size() -> None:
    style = Style.from_vector(torch.zeros(256))
    with pytest.raises(FrozenInstanceError):
        style.timbre = torch.ones(128)  # type: ignore[misc]
    with pytest.raises(ValueError, match="at least 256 numbers, not 255"):
        Style.from_vector(torch.zeros(255))
    with pytest.raises(ValueError, match="not 127 and 128"):
        Style(torch.zeros(127), torch.zeros(128), torch.zeros(0))
    with pytest.raises(ValueError, match="one batch shape"):
        Style(torch.zeros(2, 128), torch.zeros(128), torch.zeros(0))


def test_styles_of_a_batch_are_stacked_and_indexed() -> None:
    vectors = torch.randn(3, 260, generator=torch.Generator().manual_seed(0))
    batch = Style.stack([Style.from_vector(vector) for vector in vectors])
    assert len(batch) == 3 and torch.equal(batch.vector, vectors) and torch.equal(batch[1].vector, vectors[1])
    assert torch.equal(batch[0][None].vector, vectors[:1]) and torch.equal(batch[1:].extension, vectors[1:, 256:])
    assert torch.equal(style_of(batch, 2).vector, vectors[1]) and torch.equal(style_of(batch, 99).vector, vectors[2])


def test_the_style_of_a_prosody_alone_has_no_timbre() -> None:
    prosody = torch.randn(2, 128, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Style.of_prosody(prosody).vector, torch.cat([torch.zeros(2, 128), prosody], 1))
