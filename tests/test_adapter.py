"""Training of the content adapter, at its smallest: it learns, and goes on where it was interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nuanced_speech.content import ContentAdapter, ContentConfig
from nuanced_speech.train import adapter, corpus
from nuanced_speech.train.adapter import AdapterConfig, train

SHAPE = ContentConfig("tiny.en", (2, 4), input_dim=768, width=48, hidden=64, dilations=(1, 2))


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus")
    (out / "text.txt").write_text("Yes, of course.\nNot now.\n", encoding="utf-8")
    corpus._speak_shard((corpus.CorpusConfig(out, per_shard=3, seed=2, text_file=out / "text.txt"), 0))
    return out


def config(spoken: Path, out: Path) -> AdapterConfig:
    return AdapterConfig(
        spoken, out, steps=40, batch_size=2, lr=5e-3, warmup=5, ema=0.8, held_out=1, checkpoint_every=20
    )


def test_training_learns_and_resumes_exactly(spoken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config(spoken, tmp_path / "whole")
    weights = ContentAdapter.load(train(settings, SHAPE))
    # the examples that were trained on: far better than the mean, which explains nothing
    examples = adapter.load_examples(spoken, corpus._kokoro)[1:]
    explained = 1 - adapter.evaluate(weights, examples)[0]
    assert explained > 0.3

    interrupted = config(spoken, tmp_path / "broken")
    evaluate = adapter.evaluate

    def interrupt(*arguments: object) -> tuple[float, float]:
        raise KeyboardInterrupt

    monkeypatch.setattr(adapter, "evaluate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(interrupted, SHAPE)
    assert not (interrupted.out / "content_adapter.safetensors").exists()
    monkeypatch.setattr(adapter, "evaluate", evaluate)
    resumed = ContentAdapter.load(train(interrupted, SHAPE))
    for name, value in weights.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_crops_keep_features_and_labels_together(spoken: Path) -> None:
    import numpy as np

    example = adapter.load_examples(spoken, corpus._kokoro)[0]
    features, content, symbols, units = adapter.crop(example, np.random.default_rng(0), start=0)
    assert features.shape == (adapter.FRAMES_PER_CROP, 768) and content.shape == (adapter.CROP_UNITS, 512)
    assert units == example.units
    assert torch.equal(symbols[:units], torch.repeat_interleave(example.ids, example.durations))
    assert not symbols[units:].any() and not content[units:].any()
