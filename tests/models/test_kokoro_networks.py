"""Kokoro's networks against the modules of the installed package, with small random weights: the same, to the bit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nuanced_speech.models.kokoro_networks import DurationEncoder, Generator, ResidualBlock, TextEncoder

GENERATOR = {
    "upsample_rates": [10, 6], "upsample_kernel_sizes": [20, 12], "upsample_initial_channel": 16,
    "resblock_kernel_sizes": [3, 7, 11], "resblock_dilation_sizes": [[1, 3, 5]] * 3,
    "gen_istft_n_fft": 20, "gen_istft_hop_size": 5,
}  # fmt: skip


def plain(module: nn.Module) -> nn.Module:
    """A module of the package in evaluation mode, without weight norm."""
    for part in module.modules():
        if hasattr(part, "weight_g"):
            nn.utils.remove_weight_norm(part)
    return module.eval()


def copied(theirs: nn.Module, ours: nn.Module) -> nn.Module:
    """Our module with the package's weights; only what has no effect may be left over."""
    missing, unknown = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert not missing
    assert all(".norm." in name or ".norm1.norm" in name or ".norm2.norm" in name for name in unknown), unknown
    return ours.eval()


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@torch.no_grad()
@pytest.mark.parametrize("lengths", [[9, 9], [9, 5]])
def test_encoders(lengths: list[int]) -> None:
    from kokoro import modules

    size, padding = torch.tensor(lengths), torch.arange(9) >= torch.tensor(lengths)[:, None]
    ids = torch.randint(1, 20, (2, 9))
    theirs = plain(modules.TextEncoder(32, 5, 2, 20))
    expected = theirs(ids, size, padding)
    assert torch.equal(copied(theirs, TextEncoder(20, 32, 5, 2))(ids, size, padding), expected)
    durations = plain(modules.DurationEncoder(8, 32, 2))
    style = torch.randn(2, 8)
    ours = copied(durations, DurationEncoder(32, 8, 2))
    assert torch.equal(ours(expected, style, size, padding), durations(expected.clone(), style, size, padding))


@torch.no_grad()
def test_the_harmonic_source_and_its_inverse() -> None:
    from kokoro import istftnet

    theirs = plain(istftnet.Generator(8, **GENERATOR))
    ours = copied(theirs, Generator(8, GENERATOR))
    f0 = 120 + 60 * torch.rand(1, 12)
    f0[:, 4:6] = 0
    torch.manual_seed(3)
    wave, _, _ = theirs.m_source(theirs.f0_upsamp(f0[:, None]).transpose(1, 2))
    expected = torch.cat(theirs.stft.transform(wave.transpose(1, 2)[:, 0]), 1)
    torch.manual_seed(3)
    assert torch.equal(ours.excitation(f0), expected)
    bands = expected.shape[1] // 2
    magnitude, phase = expected[:, :bands], expected[:, bands:]
    assert torch.equal(ours.wave(magnitude, phase), theirs.stft.inverse(magnitude, phase)[:, 0])


@torch.no_grad()
@pytest.mark.parametrize("doubles", [False, True])
def test_the_shortcut_of_a_block(doubles: bool) -> None:
    from kokoro import istftnet

    theirs = plain(istftnet.AdainResBlk1d(12, 8, 4, upsample=True if doubles else "none"))
    ours = copied(theirs, ResidualBlock(12, 8, 4, doubles))
    x = torch.randn(2, 12, 7)
    assert torch.equal(ours.shortcut(x), theirs._shortcut(x))
    assert torch.equal(ours.pool(x), theirs.pool(x))
