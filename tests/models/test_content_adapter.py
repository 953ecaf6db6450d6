"""The content adapter as a network: what padding must not change, times, files. What it has learnt is measured by the
benchmark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from nuanced_speech.core.errors import UserError
from nuanced_speech.models.content_adapter import ContentAdapter, ContentConfig, align_content, to_units

SMALL = ContentConfig(
    whisper="tiny.en", layer=2, tuned=1, heads=3, input_dim=12, width=16, hidden=24, dilations=(1, 2, 4)
)


@pytest.fixture
def adapter() -> ContentAdapter:
    """Small, with random values where a fresh network has zeros and ones, as a trained one has."""
    torch.manual_seed(0)
    adapter = ContentAdapter(SMALL)
    with torch.no_grad():
        for tensor in (*adapter.parameters(), *adapter.buffers()):
            tensor.add_(0.3 * torch.randn(tensor.shape))
    return adapter.eval().requires_grad_(False)


def random_features(units: int, seed: int) -> torch.Tensor:
    """As many frames as Whisper gives for so many units, ``[F, 12]``."""
    frames = -(-units * 5 // 4)
    return torch.randn(frames, SMALL.input_dim, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("filling", [0.0, 50.0])
def test_padding_never_changes_the_output(adapter: ContentAdapter, filling: float) -> None:
    # where the length is a multiple of 4, the last unit lies beyond the centre of the last frame
    lengths = [40, 37, 36, 9, 8, 2, 1]
    items = [random_features(units, seed) for seed, units in enumerate(lengths)]
    batch = torch.nn.utils.rnn.pad_sequence(items, batch_first=True, padding_value=filling)
    together = adapter(batch, torch.tensor(lengths))
    for k, (item, units) in enumerate(zip(items, lengths, strict=True)):
        alone = adapter(item[None], torch.tensor([units]))
        torch.testing.assert_close(together.content[k, :, :units], alone.content[0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(together.logits[k, :, :units], alone.logits[0], atol=1e-5, rtol=1e-5)
        assert not together.content[k, :, units:].any()


def test_shapes(adapter: ContentAdapter) -> None:
    out = adapter(random_features(33, 0)[None], torch.tensor([33]))
    assert out.content.shape == (1, 512, 33)
    assert out.logits.shape == (1, 178, 33)


def test_content_comes_in_the_units_of_the_wanted_tensor(adapter: ContentAdapter) -> None:
    features, units = random_features(20, 0)[None], torch.tensor([20])
    before = adapter(features, units).content
    adapter.content_mean += 3
    torch.testing.assert_close(adapter(features, units).content, before + 3)
    adapter.content_mean.zero_()
    raised = adapter(features, units).content
    adapter.content_std *= 2
    torch.testing.assert_close(adapter(features, units).content, 2 * raised)


def test_the_tuned_blocks_begin_as_whispers_own() -> None:
    from whisper.model import ResidualAttentionBlock

    torch.manual_seed(0)
    theirs = torch.nn.ModuleList(ResidualAttentionBlock(12, 3) for _ in range(3))
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.add_(0.3 * torch.randn(weight.shape))
    adapter = ContentAdapter(SMALL)
    adapter.copy_blocks(theirs)
    x, there = torch.randn(2, 9, 12), torch.ones(2, 9, dtype=torch.bool)
    torch.testing.assert_close(adapter.tuned[0](x, there), theirs[SMALL.layer](x))


def test_gradients_reach_every_weight() -> None:
    torch.manual_seed(0)
    adapter = ContentAdapter(replace(SMALL, dropout=0.0))
    out = adapter(random_features(20, 0)[None], torch.tensor([20]))
    (out.content.square().mean() + out.logits.square().mean()).backward()
    assert [name for name, weight in adapter.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def test_units_are_read_at_their_centres() -> None:
    """A feature that is its own time in milliseconds: frame k is centred at 20 k, unit j at 25 j + 12.5."""
    frames = 20.0 * torch.arange(50)[None, None]
    found = to_units(frames, 40)[0, 0]
    assert found.tolist()[:39] == [25 * j + 12.5 for j in range(39)]
    # beyond the last frame's centre there is nothing but that frame
    assert found[39] == frames[0, 0, 49]


def test_save_and_load(adapter: ContentAdapter, tmp_path: Path) -> None:
    path = tmp_path / "adapter.safetensors"
    adapter.save(path, steps="7")
    loaded = ContentAdapter.load(path)
    assert loaded.config == SMALL
    assert not loaded.training
    assert not any(weight.requires_grad for weight in loaded.parameters())
    features, units = random_features(30, 0)[None], torch.tensor([30])
    # stored as fp16
    torch.testing.assert_close(loaded(features, units).content, adapter(features, units).content, atol=0.02, rtol=0.01)
    torch.testing.assert_close(loaded.content_mean, adapter.content_mean.half().float())
    assert [file.name for file in tmp_path.iterdir()] == ["adapter.safetensors"]


def test_a_missing_adapter(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.safetensors: no content adapter there; make one"):
        ContentAdapter.load(tmp_path / "none.safetensors")


def test_files_that_are_not_an_adapter(adapter: ContentAdapter, tmp_path: Path) -> None:
    whole = tmp_path / "whole.safetensors"
    adapter.save(whole)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole.read_bytes()[:-100])
    text = tmp_path / "text.safetensors"
    text.write_text("not weights at all")
    bare = tmp_path / "bare.safetensors"
    save_file({"weight": torch.zeros(3)}, bare)
    other = tmp_path / "other.safetensors"
    state = {name: value.clone() for name, value in adapter.state_dict().items() if not name.startswith("output_norm")}
    save_file(state, other, {"config": '{"whisper": "base"}'})
    for path in (cut, text, bare, other):
        with pytest.raises(UserError, match=rf"{path.name}: not a content adapter of this version"):
            ContentAdapter.load(path)


def test_alignment_of_a_recording_fills_its_length(adapter: ContentAdapter) -> None:
    ids = torch.tensor([0, 50, 16, 83, 54, 0])
    durations, fit = align_content(adapter, random_features(40, 0), ids, seconds=1.0)
    assert durations.sum() == 40
    assert durations.shape == ids.shape
    assert np.isfinite(fit) and fit < 0
    with pytest.raises(UserError, match="the text does not match the recording"):
        align_content(adapter, random_features(4, 0), ids, seconds=0.1)
