"""One training in several processes: shares of a batch, and the same loss curve and weights as in one process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from decoder_shards import write_shard
from helpers import ROOT
from launched_training import OPTIONS, adversarial, record

from nuanced_speech.core.errors import UserError
from nuanced_speech.train import checkpoint, processes
from nuanced_speech.train.configs import FastDecoderTraining
from nuanced_speech.train.fast_decoder import train
from nuanced_speech.train.processes import ALONE, Processes, join, only_one

NUMBER = re.compile(r"\d+\.?\d*")


def test_rows_and_shares_make_the_whole() -> None:
    three = [Processes(rank, 3) for rank in range(3)]
    numbers = [*range(12)]
    assert sorted(k for one in three for k in numbers[one.rows(12)]) == numbers
    assert {len(numbers[one.rows(12)]) for one in three} == {4}
    # means over 2, 3 and 5 frames of ten, weighted, have the mean of all as their mean
    parts = [[1.0, 2.0], [4.0, 5.0, 6.0], [0.0, 1.0, 2.0, 3.0, 9.0]]
    means = [one.share(len(part), 10) * sum(part) / len(part) for one, part in zip(three, parts, strict=True)]
    assert sum(means) / 3 == pytest.approx(sum(sum(part) for part in parts) / 10)
    assert ALONE.rows(5) == slice(0, 5, 1) and ALONE.share(2, 5) == 1 and ALONE.main
    with pytest.raises(UserError, match="batch_size is 10: with 3 processes give a multiple of 3"):
        three[0].check_batch(10)


def test_alone_nothing_is_exchanged() -> None:
    layer = torch.nn.Linear(2, 1)
    layer(torch.ones(1, 2)).sum().backward()
    assert layer.weight.grad is not None
    gradient = layer.weight.grad
    ALONE.average_gradients(layer.parameters())
    assert layer.weight.grad is gradient
    assert ALONE.mean({"loss": 0.1}) == {"loss": 0.1} and ALONE.agreed(lambda: "line") == "line"


def test_several_processes_want_accelerate_and_some_trainings_want_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert join("cpu") is ALONE
    only_one("the batch is whole")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    processes._join.cache_clear()
    with pytest.raises(UserError, match=r'accelerate is not installed: pip install "nuanced-speech\[distributed\]"'):
        join("cpu")
    with pytest.raises(
        UserError, match="the batch is whole, so this trains in one process: start it without a launcher"
    ):
        only_one("the batch is whole")


@pytest.mark.slow
def test_two_processes_have_the_curve_of_one_and_each_goes_on_from_the_other(tmp_path: Path) -> None:
    """All losses of the fast decoder; sums in another order are the only difference."""
    pytest.importorskip("accelerate", reason="the extra distributed is not installed")
    data = write_shard(tmp_path / "data")
    first = FastDecoderTraining(data, tmp_path / "first", **OPTIONS)  # type: ignore[arg-type]
    lines: list[str] = []
    start = train(first, lines.append)
    grown = record(adversarial(data, start, tmp_path / "grown"), ALONE, 2)
    command = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu"]
    command += ["--num_processes", "2", "--main_process_port", "0"]
    script = ROOT / "tests" / "launched_training.py"
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run(
        [*command, str(script), str(data), str(start), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]

    # from the command line: one report, one path, and the weights of one process
    *reported, path = ended.stdout.splitlines()
    assert path == str(tmp_path / "whole" / "fast_decoder.safetensors")
    assert [NUMBER.sub("", line) for line in reported] == [NUMBER.sub("", line) for line in lines]
    numbers = [[float(x) for line in each for x in NUMBER.findall(line)] for each in (reported, lines)]
    assert numbers[0] == pytest.approx(numbers[1], abs=2e-3)
    one, two = (checkpoint.load(out / "fast_decoder_checkpoint.pt") for out in (first.out, tmp_path / "whole"))
    assert one["settings"] == two["settings"] and one["step"] == two["step"] == 4
    for name, value in one["decoder"].items():
        assert torch.allclose(value, two["decoder"][name], atol=1e-4), name

    # broken off after two steps: its curve is that of one process, one process goes on with two's and two with one's
    config = adversarial(data, start, tmp_path / "alone")
    whole = record(config, ALONE, 4)
    begun, gone_on = json.loads((tmp_path / "curves.json").read_text())
    for curve in (begun + record(replace(config, out=tmp_path / "parts"), ALONE, 2), grown + gone_on):
        assert len(curve) == 4
        for expected, found in zip(whole, curve, strict=True):
            assert found == pytest.approx(expected, rel=1e-4)
