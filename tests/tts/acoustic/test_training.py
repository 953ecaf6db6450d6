"""Training of acoustic models: it resumes exactly, stops where it should, and says what is wrong."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from tts.acoustic.small_models import ETTS, TACOTRON, config, small

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.train import checkpoint
from nuanced_speech.tts.acoustic import weights
from nuanced_speech.tts.acoustic.data import Batch, Item, batches, collate, read, split
from nuanced_speech.tts.acoustic.interface import Loss
from nuanced_speech.tts.acoustic.tacotron2 import Tacotron2
from nuanced_speech.tts.acoustic.train import BEST, CHECKPOINT, LAST, train
from nuanced_speech.tts.features import find, load


def test_training_tells_the_model_how_far_it_is(dummy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loss, told = Tacotron2.loss, []

    def listen(self: Tacotron2, batch: Batch, done: float = 0.0) -> Loss:
        told.append((self.training, done))
        return loss(self, batch, done)

    monkeypatch.setattr(Tacotron2, "loss", listen)
    train(config("tacotron2", dummy, tmp_path, steps=4))
    assert [done for learning, done in told if learning] == [0, 0.25, 0.5, 0.75]
    # losses of all times are compared with each other
    assert {done for learning, done in told if not learning} == {1.0}


def test_every_utterance_is_in_an_epoch_once_beside_others_of_its_length(items: list[Item]) -> None:
    epoch = batches(items, 3, seed=1, epoch=2)
    assert sorted(k for batch in epoch for k in batch) == list(range(len(items)))
    assert epoch == batches(items, 3, 1, 2) != batches(items, 3, 1, 3)
    spread = [max(len(items[k].mel) for k in b) - min(len(items[k].mel) for k in b) for b in epoch]
    whole = max(len(i.mel) for i in items) - min(len(i.mel) for i in items)
    assert max(spread) < whole
    learned, held_out = split(items)
    assert len(held_out) == 1 and len(learned) == len(items) - 1
    assert split(items[::-1])[1][0].name == held_out[0].name
    with pytest.raises(UserError, match="one utterance is not enough"):
        split(items[:1])


@pytest.mark.parametrize("name", ["etts", "tacotron2"])
def test_an_interrupted_training_ends_as_an_uninterrupted_one(name: str, dummy: Path, tmp_path: Path) -> None:
    train(config(name, dummy, tmp_path / "whole"))
    asked = count()

    def clock() -> float:
        # when training and its loop begin, and then before each step
        if next(asked) == 2 + 3:
            raise KeyboardInterrupt
        return 0.0

    with pytest.raises(KeyboardInterrupt):
        train(config(name, dummy, tmp_path / "parts", minutes=60), clock=clock)
    assert checkpoint.load(tmp_path / "parts" / CHECKPOINT)["step"] == 2
    train(config(name, dummy, tmp_path / "parts", resume=True, minutes=1e-9))
    train(config(name, dummy, tmp_path / "parts", resume=True))
    whole, parts = (checkpoint.load(tmp_path / part / CHECKPOINT) for part in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 6 and whole["best"] == parts["best"]
    for key, value in whole["model"].items():
        assert torch.equal(value, parts["model"][key]), key
    best, again = (weights.load(tmp_path / part / BEST).state_dict() for part in ("whole", "parts"))
    assert all(torch.equal(value, again[key]) for key, value in best.items())
    assert any((tmp_path / "parts" / "tensorboard").iterdir())

    # neither is overwritten, nor continued with something else
    with pytest.raises(UserError, match="go on with resume"):
        train(config(name, dummy, tmp_path / "whole"))
    with pytest.raises(UserError, match="lr was"):
        train(config(name, dummy, tmp_path / "whole", resume=True, lr=0.1))


@pytest.mark.parametrize("name", ["etts", "tacotron2"])
def test_a_training_that_runs_out_of_time_leaves_its_weights(name: str, dummy: Path, tmp_path: Path) -> None:
    minutes, lines = count(), list[str]()
    train(config(name, dummy, tmp_path, evaluate=100, minutes=3.5), lines.append, lambda: 60.0 * next(minutes))
    assert "minutes are over after step 3: total" in "\n".join(lines)
    state, last = checkpoint.load(tmp_path / CHECKPOINT), weights.load(tmp_path / LAST)
    assert state["step"] == 3
    for key, value in last.state_dict().items():
        torch.testing.assert_close(value, state["model"][key], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["etts", "tacotron2"])
def test_a_model_is_fine_tuned(name: str, dummy: Path, tmp_path: Path) -> None:
    before, path = small(name), tmp_path / "before.safetensors"
    before.calibrate(torch.randn(100, 80) - 7)
    weights.save(path, before)
    settings = {**(ETTS if name == "etts" else TACOTRON)}
    tuned = config(name, dummy, tmp_path / "out", settings=settings, start_from=path, lr=1e-12)
    train(tuned)
    after = weights.load(tmp_path / "out" / LAST)
    assert torch.equal(after.mean, weights.load(path).mean) and torch.equal(after.scale, before.scale)
    for key, value in weights.load(path).named_parameters():
        torch.testing.assert_close(after.get_parameter(key), value, rtol=0, atol=1e-6)
    # training goes on, and from its own weights
    train(replace(tuned, start_from=None, resume=True, steps=8))
    assert checkpoint.load(tmp_path / "out" / CHECKPOINT)["step"] == 8
    with pytest.raises(UserError, match="leave out start_from"):
        train(replace(tuned, resume=True))

    again = replace(tuned, out=tmp_path / "other")
    other = "tacotron2" if name == "etts" else "etts"
    with pytest.raises(UserError, match=f"is of {name}, not {other}: give {name} as model"):
        train(replace(again, model=other, settings={}))
    with pytest.raises(UserError, match=r"of another size \(channels is 32, not 64\)"):
        train(replace(again, settings=settings | {"channels": 64}))
    with pytest.raises(UserError, match="no acoustic model there"):
        train(replace(again, start_from=tmp_path / "nowhere.safetensors"))


def test_fine_tuning_that_only_makes_it_worse_keeps_what_was(dummy: Path, tmp_path: Path) -> None:
    train(config("etts", dummy, tmp_path / "first", steps=40, evaluate=40, lr=5e-3))
    best = tmp_path / "first" / BEST
    train(config("etts", dummy, tmp_path / "second", start_from=best, lr=0.3, evaluate=6))
    kept = weights.load(tmp_path / "second" / BEST)
    for key, value in weights.load(best).named_parameters():
        assert torch.equal(kept.get_parameter(key), value), key


def test_training_stops_when_it_gets_no_better(dummy: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    train(config("etts", dummy, tmp_path / "out", steps=50, patience=2, evaluate=1, lr=1e-12), lines.append)
    assert "no better for 2 evaluations" in "\n".join(lines)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--data", "nowhere"], "no such folder"),
        (["train", "--data", "."], "no .npz file"),
        (["train", "--data", ".", "--model", "wavenet"], "no model 'wavenet'"),
        (["train", "--data", ".", "--steps", "0"], "steps is 0"),
        (["train", "--data", ".", "--batch-size", "0"], "batch_size is 0"),
        (["train", "--data", ".", "--lr", "nan"], "lr is nan"),
        (["train", "--data", ".", "--minutes", "-1"], "minutes is -1"),
        (["train", "--data", ".", "--seed", "-1"], "seed is -1"),
        (["train", "--data", ".", "--device", "abacus"], "abacus"),
        (["train", "--data", ".", "--device", "cpu", "--precision", "float16"], "needs a GPU"),
        (["train", "--data", ".", "--precision", "int8"], "choose auto"),
        (["train", "--data", ".", "--guided-attention"], "for --model tacotron2"),
        (["train", "--data", ".", "--model", "tacotron2", "--reduction", "0"], "--reduction is 0"),
        (["train", "--data", ".", "--vocoder", "gramophone"], "gramophone"),
        (["train", "--data", ".", "--model", "tacotron2", "--frame-dropout", "2"], "--frame-dropout is 2"),
        (["train", "--data", ".", "--model", "tacotron2", "--guide-until", "nan"], "--guide-until is nan"),
        (["train", "--data", ".", "--frame-dropout", "0.2"], "for --model tacotron2"),
        (["train", "--data", ".", "--resume"], "no checkpoint to resume"),
        (["train", "--data", ".", "--resume", "--start-from", "packaged"], "leave out start_from"),
        (["train", "--data", ".", "--start-from", "none.safetensors"], "no acoustic model there"),
        (["train", "--data", ".", "--start-from", "packaged", "--model", "tacotron2"], "is of etts, not tacotron2"),
        (["infer", "a.wav"], "give the text and the file to write"),
        (["infer", "a", "b", "a.wav"], "give the text and the file to write"),
        (["infer", "a", "a.wav", "--phonemes", "a"], "no text besides --phonemes"),
        (["infer", "a", "a.mp7"], "cannot write the suffix"),
        (["infer", "a", "a.wav", "--mel", "a.png"], ".npy"),
        (["infer", "a", "a.wav", "--alignment", "a.txt"], ".png"),
        (["infer", "a", "a.wav", "--checkpoint", "none.safetensors"], "no acoustic model there"),
        (["infer", "a", "a.wav", "--device", "abacus"], "abacus"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], says: str, run
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    status, _, err = run("tts", *arguments)
    assert status == 1 and err.startswith("error: ") and err.count("\n") == 1 and says in err
    assert not list(tmp_path.rglob("*.*"))


def test_train_and_infer_on_the_command_line(monkeypatch: pytest.MonkeyPatch, dummy: Path, tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "model.safetensors"
    weights.save(model, small("etts"))
    who = find(dummy)[0]
    say = ["--checkpoint", model, "--speaker", who, "--vocoder", "griffin-lim"]
    status, _, err = run("tts", "infer", "Hello there.", "a.wav", "--mel", "a.npy", "--alignment", "a.png", *say)
    assert status == 0, err
    wave, mel = audio.read(tmp_path / "a.wav", MEL.sample_rate), np.load(tmp_path / "a.npy")
    assert len(wave) > 1000 and mel.shape[1] == 80
    assert audio.synthetic_mark(tmp_path / "a.wav")
    assert (tmp_path / "a.png").read_bytes()[1:4] == b"PNG"
    for wrong, says in (
        (["...", "b.wav"], "nothing speakable"),
        (["a", "b.wav", "--speed", "9"], "speed of 9"),
        (["a", "b.wav", "--pause", "99"], "pause of 99"),
        (["a", "b.wav", "--language", "xx"], "no phonemes for the language"),
        (["b.wav", "--phonemes", "€"], "€"),
        (["a", "b.wav", "--speaker", "nobody"], "unknown voice"),
        (["a", "b.wav", "--checkpoint", who], "not a acoustic model"),
    ):
        status, _, err = run("tts", "infer", *say, *wrong)
        assert status == 1 and says in err and not (tmp_path / "b.wav").exists()

    out = tmp_path / "run"
    status, _, err = run("tts", "train", "--data", dummy, "--out", out, "--steps", 1, "--batch-size", 2, "--minutes", 5)
    assert status == 0, err
    assert (out / BEST).is_file() and (out / CHECKPOINT).is_file()


def test_durations_are_asked_for_where_they_are_needed(tmp_path: Path, dummy: Path) -> None:
    from nuanced_speech.tts.features import save

    for path in find(dummy)[:2]:
        save(tmp_path / path.name, replace(load(path), durations=None))
    with pytest.raises(UserError, match="no durations"):
        read(tmp_path, durations=True, pitch=False)
    loaded = read(tmp_path, durations=False, pitch=True)
    assert collate(loaded).durations is None and len(loaded[0].f0) == len(loaded[0].mel)
    batch: Batch = collate(loaded)
    assert bool(small("tacotron2").loss(batch).total.isfinite())
