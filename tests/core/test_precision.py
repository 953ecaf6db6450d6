"""``core.precision`` and ``core.threads``: one place decides how this processor computes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

import nuanced_speech
from nuanced_speech.core import precision, threads
from nuanced_speech.core.errors import UserError
from nuanced_speech.train import checkpoint

if TYPE_CHECKING:
    from helpers import Ended

PACKAGE = Path(nuanced_speech.__file__).parent
# What oneDNN and torch read when they load: a newer processor then offers no more than AVX2.
OLDER = {"DNNL_MAX_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}


def test_only_one_module_starts_autocast() -> None:
    sources = [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "benchmarks").glob("*.py")]
    starting = [path.name for path in sources if re.search(r"torch\.(amp\.)?autocast\(", path.read_text("utf-8"))]
    assert starting == ["precision.py"]


def test_the_environment_decides_for_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        monkeypatch.setenv(precision.ENVIRONMENT, name)
        assert precision.fast_dtype() == precision.choose("auto", "cpu") == precision.choose("bfloat16", "cpu") == dtype
        # sound is made in float32 on all processors, and on GPUs by the same choice
        assert precision.sound_dtype("cpu") == torch.float32 and precision.sound_dtype("cuda:0") == dtype
    assert precision.choose("float32", "cpu") == torch.float32
    with pytest.raises(UserError, match="choose auto, float32 or bfloat16"):
        precision.choose("int8", "cpu")


def test_autocast_computes_in_the_precision_it_is_given() -> None:
    network, x = torch.nn.Linear(4, 4), torch.ones(1, 4)
    for dtype in (torch.float32, torch.bfloat16):
        with precision.autocast("cpu", dtype):
            assert network(x).dtype == dtype


def test_bfloat16_where_it_saves_time_only() -> None:
    assert precision.cpu_dtype(lambda: True, lambda: 0.6) == torch.bfloat16
    assert precision.cpu_dtype(lambda: True, lambda: 1.2) == torch.float32
    assert precision.cpu_dtype(lambda: False, lambda: pytest.fail("measured")) == torch.float32


def test_a_checkpoint_records_each_change_of_precision() -> None:
    first = checkpoint.precisions_with({}, 0, torch.bfloat16)
    assert first == ["0 bfloat16"]
    assert checkpoint.precisions_with({"precisions": first}, 300, torch.bfloat16) == first
    assert checkpoint.precisions_with({"precisions": first}, 300, torch.float32) == ["0 bfloat16", "300 float32"]
    # a checkpoint that was written before this was recorded
    assert checkpoint.precisions_with({}, 300, torch.float32) == ["300 float32"]


def test_spinning_is_bounded_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    threads.let_idle_threads_sleep()
    assert os.environ["GOMP_SPINCOUNT"] == str(threads.SPIN_COUNT)
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    threads.let_idle_threads_sleep()
    assert "GOMP_SPINCOUNT" not in os.environ


def older(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python process that sees an older processor."""
    environment = {k: v for k, v in os.environ.items() if k != precision.ENVIRONMENT} | OLDER
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.mark.slow
def test_an_older_processor_computes_nothing_in_half_precision(tmp_path: Path) -> None:
    """``describe``'s profile of a voice, ``say --fast`` and one step of each trainer, under torch's profiler."""
    ended = older(str(Path(__file__).with_name("half_precision_operations.py")), str(tmp_path))
    assert ended.returncode == 0, ended.stderr[-2000:]
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found.pop("native") is False
    # it would see them
    assert found.pop("forced")
    expected = {"describe", "say --fast", "corpus", "adapter", "recogniser", "codec", "codec-lm", "vocoder", "timbre"}
    assert found == {name: [] for name in expected}


COMMANDS = (["convert"], ["say"], ["describe"], ["voices", "map"], ["train", "corpus"], ["tts", "codec", "train"])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands_that_compute_have_threads(command: list[str], run: Callable[..., Ended]) -> None:
    assert "--threads" in run(*command, "--help").out


def test_threads_hold_where_torch_asks(tmp_path: Path) -> None:
    code = "from nuanced_speech.cli.app import main\ntry: main()\nexcept SystemExit: pass\n"
    code += "import torch; print('threads', torch.get_num_threads())"
    command = [sys.executable, "-c", code, "say", "Yes.", str(tmp_path / "missing" / "out.wav"), "--threads", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stdout.endswith("threads 1\n"), ended.stderr


def test_no_threads_at_all_is_refused(run: Callable[..., Ended]) -> None:
    ended = run("say", "Yes.", "out.wav", "--threads", "0")
    assert ended.status == 2 and "--threads" in ended.err
