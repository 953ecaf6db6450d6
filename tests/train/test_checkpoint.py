"""Checkpoints are whole, and hold data alone."""

from pathlib import Path

import pytest
import torch

from nuanced_speech.core.errors import UserError
from nuanced_speech.train import checkpoint
from nuanced_speech.train.settings import CHECKPOINT


def test_an_interrupted_checkpoint_leaves_the_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / CHECKPOINT
    checkpoint.save(path, {"epoch": 1, "weights": torch.ones(3)})

    def half(state: dict, file: Path) -> None:
        Path(file).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, {"epoch": 2})
    assert checkpoint.load(path)["epoch"] == 1 and list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_that_could_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    torch.save({"epoch": Path("x")}, path)
    with pytest.raises(UserError, match="not a checkpoint"):
        checkpoint.load(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match="not a checkpoint"):
        checkpoint.load(path)
