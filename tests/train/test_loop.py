"""The training loop: it resumes, stops, refuses, and every trainer's small parts do what their formulas say."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from nuanced_speech.cli.config_options import helps_of
from nuanced_speech.core.errors import UserError
from nuanced_speech.train import checkpoint, configs
from nuanced_speech.train.board import Board, coloured
from nuanced_speech.train.descent import WeightAverage, descend
from nuanced_speech.train.loop import LoopConfig, Recipe, run, seeded
from nuanced_speech.train.schedule import WarmCosine, set_rates
from nuanced_speech.train.settings import TrainConfig
from nuanced_speech.tts import configs as tts_configs

if TYPE_CHECKING:
    from helpers import Ended

CONFIGS = [
    *(
        getattr(configs, name)
        for name in ("CorpusConfig", "AdapterConfig", "PhonemeRecognizerTraining", "StyleTraining")
    ),
    *(getattr(configs, name) for name in ("TimbreConfig", "TimbreExtensionTraining", "AttributesConfig")),
    *(getattr(tts_configs, name) for name in ("AcousticTrainConfig", "CodecTrainConfig", "LMTrainConfig")),
    tts_configs.VocoderTrainConfig,
    TrainConfig,
]


class Line(Recipe):
    """A line that is fitted to noisy points; ``fails`` is the step whose loss is not a number."""

    def __init__(self, out: Path, fails: int = -1, patience: int = 100) -> None:
        torch.manual_seed(0)
        self.out, self.fails, self.patience = out, fails, patience
        self.layer = torch.nn.Linear(1, 1)
        self.optimizer = torch.optim.AdamW(self.layer.parameters(), 0.1)
        self.schedule = WarmCosine(8, 2)
        self.evaluated: list[int] = []

    def step(self, step: int) -> dict[str, float]:
        x = torch.from_numpy(seeded(3, step).standard_normal((8, 1))).float()
        loss = (self.layer(x) - 3 * x + 0.1 * torch.randn(8, 1)).square().mean()
        set_rates(self.optimizer, 0.1 * self.schedule(step))
        descend(self.optimizer, self.layer.parameters(), loss)
        return {"loss": math.nan if step == self.fails else loss.item()}

    def evaluate(self, step: int, board: Board | None) -> str:
        self.evaluated.append(step)
        return "fine"

    def state(self) -> dict[str, Any]:
        return {"layer": self.layer.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self.layer.load_state_dict(state["layer"])
        self.optimizer.load_state_dict(state["optimizer"])

    def wants_to_stop(self) -> str | None:
        return "enough" if len(self.evaluated) >= self.patience else None

    def finish(self, step: int, board: Board | None) -> Path:
        torch.save(self.layer.state_dict(), self.out / "line.pt")
        return self.out / "line.pt"


def loop(out: Path, **changes: Any) -> LoopConfig:
    out.mkdir(exist_ok=True)
    return replace(LoopConfig(8, out / "checkpoint.pt", {"lr": "0.1"}, every=3), **changes)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)


def test_an_interrupted_run_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = weights(run(Line(tmp_path), loop(tmp_path / "whole")))
    recipe, minutes, lines = Line(tmp_path), count(), list[str]()
    run(recipe, loop(tmp_path / "parts", minutes=4.5), lines.append, clock=lambda: 60.0 * next(minutes))
    assert lines[-1] == "4.5 minutes are over after step 4"
    assert checkpoint.load(tmp_path / "parts" / "checkpoint.pt")["step"] == 4
    lines.clear()
    parts = weights(run(Line(tmp_path), loop(tmp_path / "parts"), lines.append))
    assert lines == ["going on after step 4", "step 6: fine", "step 8: fine"]
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


def test_evaluations_come_when_they_should(tmp_path: Path) -> None:
    recipe, other = Line(tmp_path), Line(tmp_path, patience=2)
    run(recipe, loop(tmp_path / "a", at_first=True), lambda line: None)
    assert recipe.evaluated == [1, 3, 6, 8]
    lines: list[str] = []
    run(other, loop(tmp_path / "b"), lines.append)
    assert other.evaluated == [3, 6] and lines[-1] == "enough: stopped at step 6"


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a number any more at step 5: train with a smaller lr"):
        run(Line(tmp_path, fails=4), loop(tmp_path / "a"))
    state = checkpoint.load(tmp_path / "a" / "checkpoint.pt")
    assert state["step"] == 3 and state["precisions"] == ["0 float32"]
    assert all(value.isfinite().all() for value in state["layer"].values())


def test_other_settings_and_other_versions_are_refused(tmp_path: Path) -> None:
    run(Line(tmp_path), loop(tmp_path / "a"))
    with pytest.raises(UserError, match=r"lr was 0.1, now 0.2; restore them or train afresh"):
        run(Line(tmp_path), loop(tmp_path / "a", settings={"lr": "0.2"}))
    path = tmp_path / "a" / "checkpoint.pt"
    state = checkpoint.load(path)
    for missing, message in (("settings", "recorded no settings"), ("layer", "of an earlier version")):
        checkpoint.save(path, {name: value for name, value in state.items() if name != missing})
        with pytest.raises(UserError, match=message) as caught:
            run(Line(tmp_path), loop(tmp_path / "a"))
        assert "\n" not in str(caught.value)


def test_settings_are_all_fields_that_shape_the_weights() -> None:
    config = configs.AdapterConfig((Path("a"),), Path("b"))
    settings = checkpoint.settings_of(config, "corpora", "real", "steps")
    assert settings["lr"] == "0.001" and settings["seed"] == "0"
    assert not {"out", "corpora", "real", "steps", "checkpoint_every", "precision", "device"} & set(settings)
    assert len(settings) == len(fields(config)) - 6


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make this folder"):
        checkpoint.make_folder(tmp_path / "file" / "below")


def test_the_average_is_the_formula_of_earlier_versions() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(5, 3)
    average = WeightAverage(dict(layer.named_parameters()), 0.8)
    expected = [value.detach().clone() for value in layer.parameters()]
    for step in range(30):
        with torch.no_grad():
            for value in layer.parameters():
                value.add_(torch.randn_like(value))
            for mean, value in zip(expected, layer.parameters(), strict=True):
                mean.lerp_(value, 1 - min(0.8, (step + 1) / (step + 10)))
        average.update(dict(layer.named_parameters()), step)
        assert all(torch.equal(a, b) for a, b in zip(expected, average.tensors.values(), strict=True))
    again = WeightAverage(dict(layer.named_parameters()), 0.8)
    again.restore(average.tensors)
    assert all(torch.equal(again.tensors[name], value) for name, value in average.tensors.items())


def test_schedules_are_the_formulas_of_earlier_versions() -> None:
    steps = 1000

    def cosine(share: float) -> float:
        return (1 + math.cos(math.pi * share)) / 2

    for step in range(steps):
        # adapter, recognizer, extension, codec
        progress = max(step - 50, 0) / (steps - 50)
        assert WarmCosine(steps, 50)(step) == min((step + 1) / 50, 1) * (0.01 + 0.99 * cosine(progress))
        # vocoders
        vocoder = min(1.0, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        assert WarmCosine(steps, 200, last=0.0, begins=0)(step) == pytest.approx(vocoder, rel=1e-12)
        # style encoder of the recipe
        style = min((step + 1) / 50, 1) * (0.05 + 0.95 * cosine(max(step + 1 - 50, 0) / (steps - 50)))
        assert WarmCosine(steps, 50, 0.05, begins=49, ends=steps - 1)(step) == pytest.approx(style, rel=1e-12)
        # acoustic models
        acoustic = (step + 1) / 101 if step < 101 else 0.02 + 0.98 * cosine((step - 101) / (steps - 101))
        assert WarmCosine(steps, 101, 0.02)(step) == pytest.approx(acoustic, rel=1e-12)


def test_what_is_not_installed_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r'tensorboard is not installed: pip install "nuanced-speech\[train\]"'):
        Board(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError, match=r'matplotlib is not installed: pip install "nuanced-speech\[plots\]"'):
        coloured(torch.zeros(2, 2).numpy(), "magma")


@pytest.mark.slow
def test_training_is_imported_without_tensorboard_and_matplotlib() -> None:
    modules = ("train.style_encoder", "train.content_adapter", "tts.acoustic.train", "tts.codec.train")
    modules += ("tts.codec_lm.train", "tts.vocoders.train", "tts.prepare", "tts.codec.picture")
    hidden = "import sys; sys.modules['matplotlib'] = sys.modules['tensorboard'] = None\n"
    code = hidden + "\n".join(f"import nuanced_speech.{module}" for module in modules)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-500:]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.__name__)
def test_every_field_has_a_help_line_and_stays_as_it_is(config: type) -> None:
    helps = helps_of(config)
    assert set(helps) == {field.name for field in fields(config)}  # type: ignore[arg-type]
    for name, text in helps.items():
        assert text.endswith((".", "…")) and text.split()[0] not in ("Of", "Where", "How", "That"), name
    assert config.__dataclass_params__.frozen  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("train corpus", "utterances workers seed text-file dictionary precise"),
        ("train adapter", "out real steps batch-size lr seed"),
        ("train recogniser", "out real steps batch-size lr device seed"),
        ("train style", "out steps batch-size lr last-layer mean seed"),
        ("train timbre", "out corpus random rounds per-round seed"),
        ("train extension", "out steps batch-size crossed lr device seed"),
        ("train attributes", "out mixtures seed"),
        ("tts codec train", "out steps batch-size lr adversarial-from device seed"),
        ("tts codec-lm train", "out codec codebooks layers width heads dropout steps batch-size lr device seed"),
        ("tts train-vocoder", "out model size steps minutes batch-size frames lr seed device"),
        (
            "tts train",
            "data model out steps epochs batch-size lr seed device precision patience minutes evaluate guided-attention"
            " guide-until frame-dropout reduction one-voice trim vocoder resume start-from",
        ),
    ],
)
def test_options_keep_their_names(command: str, options: str, run: Callable[..., Ended]) -> None:
    shown = run(*command.split(), "--help").out
    assert all(f"--{option} " in shown for option in options.split())
