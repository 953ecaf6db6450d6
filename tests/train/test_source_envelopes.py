"""Envelopes as if another speaker had spoken."""

from __future__ import annotations

import numpy as np
import torch

from nuanced_speech.train.source_envelopes import OtherSpeaker


def test_formants_move_by_one_factor_and_a_curve_is_added() -> None:
    bands = torch.arange(64)
    formant = torch.exp(-0.5 * ((bands - 30) / 2.0) ** 2)[None].repeat(2, 1)
    moved, same = [], 0
    for seed in range(40):
        other = OtherSpeaker(np.random.default_rng(seed))
        changed = other(formant) - other(torch.zeros_like(formant))
        assert torch.allclose(other(formant).mean(-1), torch.zeros(2), atol=1e-5)
        moved.append(int(changed[0].argmax()))
        same += bool(torch.allclose(other(formant), formant - formant.mean(-1, keepdim=True), atol=1e-5))
    assert 22 <= min(moved) < 30 < max(moved) <= 38
    # some are left as they are, which is the own voice
    assert 4 <= same <= 18


def test_the_same_chance_gives_the_same_speaker() -> None:
    frames = torch.randn(3, 64, generator=torch.Generator().manual_seed(0))
    one, two, three = (OtherSpeaker(np.random.default_rng(seed))(frames) for seed in (5, 5, 6))
    assert torch.equal(one, two) and not torch.allclose(one, three)
