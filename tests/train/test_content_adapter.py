"""Training of the content adapter, at its smallest: it learns, and goes on where it was interrupted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from halves import check_halves
from helpers import interrupt_at

from nuanced_speech.core.errors import UserError
from nuanced_speech.models.content_adapter import ContentAdapter, ContentConfig
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.train import checkpoint
from nuanced_speech.train import content_adapter as adapter
from nuanced_speech.train.content_adapter import AdapterConfig, AdapterRecipe, train

SHAPE = ContentConfig("tiny.en", 3, 1, 6, input_dim=384, width=48, hidden=64, dilations=(1, 2))


@pytest.fixture(scope="module")
def spoken(speak_corpus: Callable[[int], Path]) -> Path:
    return speak_corpus(4)


def config(spoken: Path, out: Path) -> AdapterConfig:
    return AdapterConfig(
        (spoken,), out, steps=40, batch_size=2, lr=5e-3, warmup=5, ema=0.8, held_out=1, checkpoint_every=20
    )


@pytest.mark.slow
def test_training_learns_and_resumes_exactly(
    spoken: Path, kokoro: Kokoro, listener: WhisperModel, tmp_path: Path
) -> None:
    learn = partial(train, kokoro=kokoro, listener=listener)
    recipe = partial(AdapterRecipe, kokoro=kokoro, listener=listener)
    settings = config(spoken, tmp_path / "whole")
    weights = ContentAdapter.load(learn(settings, SHAPE))
    # the examples that were trained on: far better than the mean, which explains nothing
    examples = adapter.load_examples(spoken, kokoro, "tiny.en", 3)[1:]
    explained = 1 - adapter.evaluate(weights, examples)[0]
    assert explained > 0.3
    onward = replace(settings, out=tmp_path / "onward", start=settings.out / "content_adapter.safetensors")
    begun = recipe(onward, SHAPE).adapter.state_dict()
    assert all(torch.equal(begun[name], tensor) for name, tensor in weights.state_dict().items())
    with pytest.raises(UserError, match="another shape"):
        recipe(onward, replace(SHAPE, width=32))
    # weights count, not where they lie
    moved = shutil.copy(settings.out / "content_adapter.safetensors", tmp_path)
    known = [recipe(replace(onward, start=start), SHAPE).settings() for start in (onward.start, Path(moved))]
    assert known[0] == known[1] and known[0]["start"] != "none"

    interrupted = config(spoken, tmp_path / "broken")
    with pytest.raises(KeyboardInterrupt):
        learn(interrupted, SHAPE, interrupt_at("step 20:"))
    assert not (interrupted.out / "content_adapter.safetensors").exists()
    assert checkpoint.load(interrupted.out / "adapter_checkpoint.pt")["step"] == 20
    resumed = ContentAdapter.load(learn(interrupted, SHAPE))
    for name, value in weights.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name

    # neither with other settings nor on other data, but for longer
    # a checkpoint from before a run could start from weights
    path = interrupted.out / "adapter_checkpoint.pt"
    state = checkpoint.load(path)
    assert state["settings"].pop("start") == "none"
    checkpoint.save(path, state)
    with pytest.raises(UserError, match="start was none"):
        learn(replace(interrupted, start=onward.start), SHAPE)
    with pytest.raises(UserError, match=r"lr was 0.005, now 0.1"):
        learn(replace(interrupted, lr=0.1), SHAPE)
    with pytest.raises(UserError, match="data was"):
        learn(replace(interrupted, corpora=(spoken, spoken)), SHAPE)
    with pytest.raises(UserError, match="shape was"):
        learn(interrupted, replace(SHAPE, width=32))
    learn(replace(interrupted, steps=41, checkpoint_every=7), SHAPE)
    assert checkpoint.load(interrupted.out / "adapter_checkpoint.pt")["step"] == 41


def test_two_processes_share_a_batch(spoken: Path, tmp_path: Path, kokoro: Kokoro, listener: WhisperModel) -> None:
    settings, shape = replace(config(spoken, tmp_path), batch_size=4), replace(SHAPE, dropout=0.0)
    check_halves(lambda processes: AdapterRecipe(settings, shape, processes, kokoro, listener).step(0))


def test_crops_keep_features_and_labels_together(spoken: Path, kokoro: Kokoro, listener: WhisperModel) -> None:
    adapter.prepare_features(spoken, listener, 3)
    example = adapter.load_examples(spoken, kokoro, "tiny.en", 3)[0]
    features, content, symbols, units = adapter.crop(example, np.random.default_rng(0), whole=True)
    assert features.shape == (adapter.FRAMES_PER_CROP, 384) and content.shape == (adapter.CROP_UNITS, 512)
    assert units == example.units
    assert torch.equal(symbols[:units], torch.repeat_interleave(example.ids, example.versions[0][1]))
    assert not symbols[units:].any() and not content[units:].any()


def test_versions_are_what_they_say(spoken: Path, kokoro: Kokoro, listener: WhisperModel) -> None:
    """Each version is as long as its durations say; the first is the utterance as it is."""
    adapter.prepare_features(spoken, listener, 3)
    for example in adapter.load_examples(spoken, kokoro, "tiny.en", 3):
        assert len(example.versions) == adapter.VERSIONS
        for features, durations in example.versions:
            assert abs(len(features) / 50 - int(durations.sum()) / 40) < 0.05
        lengths = [len(features) for features, _ in example.versions]
        assert lengths[0] == lengths[1] and len(set(lengths)) > 1
        assert not torch.equal(example.versions[0][0], example.versions[1][0])


def test_a_faster_version_has_its_sounds_earlier() -> None:
    wave = np.zeros(16000, np.float32)
    wave[8000] = 1
    times = set()
    for seed in range(8):
        changed, speed = adapter.disturb(wave, 2, np.random.default_rng(seed))
        # half a millisecond: a band limit delays a click by some samples
        assert abs(int(np.abs(changed).argmax()) - 8000 / speed) < 8
        times.add(round(speed, 2))
    assert min(times) < 0.95 and max(times) > 1.05


def test_durations_at_another_speed_keep_every_boundary_in_its_place() -> None:
    durations = torch.tensor([1, 3, 2, 7, 1, 1, 20])
    for speed in (0.85, 1.0, 1.18):
        changed = adapter.faster(durations, speed)
        assert (changed >= 0).all()
        assert (changed.cumsum(0) - durations.cumsum(0) / speed).abs().max() <= 0.5


def test_gaps_are_zeros_and_the_rest_is_untouched() -> None:
    features = torch.rand(250, 32) + 1
    gaps = []
    for seed in range(20):
        holes = adapter.with_gaps(features, np.random.default_rng(seed))
        assert torch.equal(holes[holes != 0], features[holes != 0])
        gaps.append(float((holes == 0).float().mean()))
    assert min(gaps) < 0.1 and 0.2 < max(gaps) < 0.5
    assert bool((features > 0).all())
