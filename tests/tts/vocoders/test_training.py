"""Training of vocoders: they learn a batch, and go on where they stopped."""

from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tts.vocoders.small_models import SMALL

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.train import checkpoint
from nuanced_speech.tts.configs import VocoderTrainConfig
from nuanced_speech.tts.vocoders.objectives import Adversarial, Likelihood, MagnitudeRegression
from nuanced_speech.tts.vocoders.source_filter import (
    SourceFilterConfig,
)
from nuanced_speech.tts.vocoders.train import CHECKPOINT, train
from nuanced_speech.tts.vocoders.waveglow import WaveGlowConfig
from nuanced_speech.tts.waveforms import collect


def test_the_packaged_model_learns_a_batch(piece: torch.Tensor) -> None:
    torch.manual_seed(0)
    objective = MagnitudeRegression(SourceFilterConfig(64, 2, 64, 2))
    f0 = torch.full((2, 16), 150.0)
    first = objective.step(piece, f0, 2e-3)
    before = objective.validate(piece, f0)
    for _ in range(40):
        last = objective.step(piece, f0, 2e-3)
    assert last["f0"] < first["f0"] / 2 and last["log"] < first["log"] * 0.8
    assert objective.validate(piece, f0) < before


@pytest.mark.slow
def test_hifigan_learns_a_batch(piece: torch.Tensor) -> None:
    torch.manual_seed(0)
    objective = Adversarial(SMALL, 32)
    before = objective.validate(piece, torch.zeros(2, 16))
    untrained = [p.clone() for p in objective.discriminators.parameters()]
    for _ in range(14):
        parts = objective.step(piece, torch.zeros(2, 16), 2e-3)
    assert set(parts) == {"mel", "generator", "matching", "discriminator"} and all(np.isfinite(list(parts.values())))
    assert objective.validate(piece, torch.zeros(2, 16)) < before * 0.85
    assert any(not torch.equal(a, b) for a, b in zip(untrained, objective.discriminators.parameters(), strict=True))


def test_waveglow_learns_a_batch(piece: torch.Tensor) -> None:
    torch.manual_seed(0)
    objective = Likelihood(WaveGlowConfig(flows=4, layers=2, channels=16))
    losses = [objective.step(piece, torch.zeros(2, 16), 2e-3)["nats"] for _ in range(20)]
    assert losses[-1] < losses[0] - 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "objective"),
    [
        ("source-filter", lambda: MagnitudeRegression(SourceFilterConfig(16, 1, 16, 1, iterations=2))),
        ("hifigan", lambda: Adversarial(SMALL, 32)),
        ("waveglow", lambda: Likelihood(WaveGlowConfig(flows=2, layers=1, channels=8))),
    ],
)
def test_training_goes_on_where_it_stopped(
    model: str, objective, wave: np.ndarray, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]  # fmt: skip
    (tmp_path / "in").mkdir()
    for name, start in (("a", 0), ("b", 3)):
        audio.write(tmp_path / "in" / f"{name}.wav", wave[start * 22050 : (start + 3) * 22050], 22050)
    (tmp_path / "in" / "c.wav").write_text("not audio")
    lines: list[str] = []
    # HiFi-GAN's discriminators ask for 32 frames
    config = VocoderTrainConfig(
        (tmp_path / "in",), tmp_path / "whole", model, steps=4, batch_size=2, frames=32, every=2, shown_seconds=1
    )
    weights = load_file(train(config, objective, lines.append))
    # killed after the third step
    broken = replace(config, out=tmp_path / "broken")

    def killed():  # type: ignore[no-untyped-def]
        made, calls = objective(), count(1)
        step = made.step

        def kill(*arguments):  # type: ignore[no-untyped-def]
            if next(calls) == 4:
                raise KeyboardInterrupt
            return step(*arguments)

        made.step = kill
        return made

    with pytest.raises(KeyboardInterrupt):
        train(broken, killed)
    assert checkpoint.load(broken.out / CHECKPOINT)["step"] == 2
    resumed = load_file(train(broken, objective))
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)
    assert list((config.out / "tensorboard").iterdir())
    assert "2 recordings" in "\n".join(lines)
    with pytest.raises(UserError, match="lr was 0.001, now 0.1"):
        train(replace(broken, lr=0.1), objective)


def test_what_train_vocoder_refuses(tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "empty").mkdir()
    code, _, error = run("tts", "train-vocoder", tmp_path / "empty", "--out", tmp_path / "out")
    assert code == 1 and "no recordings" in error
    code, _, error = run("tts", "train-vocoder", tmp_path, "--model", "wavenet", "--out", tmp_path / "out")
    assert code == 1 and "unknown vocoder 'wavenet'" in error
    (tmp_path / "file").write_text("")
    code, _, error = run("tts", "train-vocoder", tmp_path, "--out", tmp_path / "file")
    assert code == 1 and "cannot make this folder" in error
    (tmp_path / "text.wav").write_text("not audio")
    (tmp_path / "cache").mkdir()
    with pytest.raises(UserError, match="no recording that can be read"):
        collect([tmp_path], MEL.sample_rate, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
