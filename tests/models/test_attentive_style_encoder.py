"""The attentive style encoder: what padding must not change, where it looks, and its training at its smallest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import interrupt_at

from nuanced_speech.core.errors import UserError
from nuanced_speech.models.attentive_style_encoder import AttentiveConfig, AttentiveStyleEncoder, pair_means
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.style_encoder import REACH
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.train import attentive_style_encoder as style
from nuanced_speech.train import checkpoint
from nuanced_speech.train.attentive_style_encoder import StyleTraining, train
from nuanced_speech.voice.stock import HELD_OUT, stock_voices, style_of

SMALL = AttentiveConfig("tiny.en", (2, 4), 384, width=16, bottleneck=8, hidden=16)
STYLES = torch.stack([style_of(pack) for pack in stock_voices().values()])


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def encoder() -> AttentiveStyleEncoder:
    torch.manual_seed(0)
    encoder = AttentiveStyleEncoder(SMALL).eval()
    encoder.calibrate(STYLES)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.mul_(3)
    return encoder


def test_padding_does_not_matter(encoder: AttentiveStyleEncoder) -> None:
    long, short = noise(1, 40, 4, 384, seed=1), noise(1, 15, 4, 384, seed=2)
    padded = torch.full((1, 40, 4, 384), float("nan"))
    padded[:, :15] = short
    mask = torch.arange(40)[None] < torch.tensor([[40], [15]])
    both = encoder(torch.cat([long, padded]), mask)
    torch.testing.assert_close(both, torch.cat([encoder(long), encoder(short)]))
    assert (both[0] - both[1]).abs().max() > 1e-3


def test_only_the_layers_of_its_mixture_count(encoder: AttentiveStyleEncoder) -> None:
    layers = noise(1, 20, 4, 384)
    for number in (1, 2, 3, 4):
        changed = layers.clone()
        changed[:, :, number - 1] = noise(1, 20, 384, seed=5)
        assert torch.equal(encoder(changed), encoder(layers)) == (number not in SMALL.layers)


def test_the_heads_share_nothing(encoder: AttentiveStyleEncoder) -> None:
    encoder(noise(2, 20, 4, 384))[:, :128].sum().backward()
    timbre, prosody = encoder.heads
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in timbre.parameters())
    assert all(p.grad is None or p.grad.abs().max() == 0 for p in prosody.parameters())


def test_styles_stay_in_reach(encoder: AttentiveStyleEncoder) -> None:
    with torch.no_grad():
        for head in encoder.heads:
            head.output[-1].weight.mul_(1e4)
        deviation = (encoder(noise(4, 20, 4, 384)) - STYLES.mean(0)) / STYLES.std(0)
    assert 0.9 * REACH < deviation.abs().max() <= REACH + 1e-3


def test_frames_are_averaged_in_pairs() -> None:
    assert torch.equal(pair_means(torch.tensor([[1.0], [3.0], [5.0], [9.0], [11.0]])), torch.tensor([[2.0], [7.0]]))
    assert pair_means(torch.ones(1, 4)).shape == (1, 4)


def test_a_file_gives_the_encoder_back(encoder: AttentiveStyleEncoder, tmp_path: Path) -> None:
    encoder.save(tmp_path / "a.safetensors")
    loaded = AttentiveStyleEncoder.load(tmp_path / "a.safetensors")
    assert loaded.config == SMALL
    torch.testing.assert_close(loaded(noise(1, 20, 4, 384)), encoder(noise(1, 20, 4, 384)), atol=0.02, rtol=0.02)
    (tmp_path / "a.safetensors").write_bytes(b"no")
    with pytest.raises(UserError, match="not a style encoder with attention"):
        AttentiveStyleEncoder.load(tmp_path / "a.safetensors")
    with pytest.raises(UserError, match="train style"):
        AttentiveStyleEncoder.load(tmp_path / "b.safetensors")


@pytest.mark.slow
def test_training_learns_and_resumes_exactly(
    speak_corpus: Callable[[int], Path], tmp_path: Path, kokoro: Kokoro, listener: WhisperModel
) -> None:
    spoken = speak_corpus(4)
    learn = partial(train, voices=HELD_OUT[:1], texts=("Not at all.",), kokoro=kokoro, listener=listener)
    settings = StyleTraining((spoken,), tmp_path / "whole", 40, 4, 1e-2, 5, checkpoint_every=20)
    weights = AttentiveStyleEncoder.load(learn(settings, SMALL))
    examples = style.load_examples(spoken, "tiny.en")
    assert len(examples) == 4 and all(len(example.versions) == 2 for example in examples)
    true = torch.stack([example.style for example in examples])
    mean = F.cosine_similarity(weights.style_mean.expand_as(true), true).mean()
    assert style.measure(weights, examples)["style clean"] > mean + 0.05

    stopped = StyleTraining((spoken,), tmp_path / "stopped", 40, 4, 1e-2, 5, checkpoint_every=20)
    with pytest.raises(KeyboardInterrupt):
        learn(stopped, SMALL, interrupt_at("step 20:"))
    assert checkpoint.load(stopped.out / "attentive_checkpoint.pt")["step"] == 20
    again = AttentiveStyleEncoder.load(learn(stopped, SMALL))
    for name, value in weights.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    with pytest.raises(UserError, match="shape was"):
        learn(settings, AttentiveConfig("tiny.en", (4,), 384, width=8))


def test_stretches_are_of_the_example_with_parts_missing() -> None:
    example = style.Example([noise(200, 2, 384).half()], torch.zeros(256))
    rows = [tuple(row[:3].tolist()) for row in example.versions[0][:, 0].float()]
    places = {row: place for place, row in enumerate(rows)}
    lengths, gaps, channels = [], 0, 0
    for seed in range(20):
        piece = style.stretch(example, np.random.default_rng(seed))
        lengths.append(len(piece))
        channels += bool((piece == 0).all(0).all(0).any())
        found = [places[tuple(row[:3].tolist())] for row in piece[:, 0] if row[:3].all()]
        assert piece.shape[1:] == (2, 384) and found == sorted(found)
        gaps += bool(np.any(np.diff(found) > 1))
    assert min(lengths) > 20 and max(lengths) <= style.LONGEST and len(set(lengths)) > 10
    assert gaps > 5 and 0 < channels < 20
