"""Files of tensors that are damaged, or announce more than they hold."""

import io
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import torch
from safetensors.torch import save_file

from nuanced_speech.core import tensor_files
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.fast_decoder import FastDecoder, FastDecoderConfig
from nuanced_speech.models.timbre_extension import TimbreExtension
from nuanced_speech.train import checkpoint
from nuanced_speech.voice.stock import read_pack
from nuanced_speech.weights import catalog

ROOT = Path(__file__).parents[2]
SMALL = FastDecoderConfig(width=8, hidden=8, blocks=1)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 2e6, -2e6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_that_no_network_learnt_are_refused(tmp_path: Path, number: float, dtype: torch.dtype) -> None:
    state = TimbreExtension(16).state_dict()
    path = tmp_path / "w.safetensors"
    shape = json.dumps([*state["columns"].shape])
    save_file({name: value.to(dtype) for name, value in state.items()}, path, {"shape": shape})
    TimbreExtension.load(path)
    state["columns"][3, 2] = number
    save_file({name: value.to(dtype) for name, value in state.items()}, path, {"shape": shape})
    with pytest.raises(
        UserError, match=r"w\.safetensors: not a style extension .*'columns' holds numbers from"
    ) as caught:
        TimbreExtension.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"width": 1_000_000}, {"blocks": 1_000_000}, {"width": 10**12}, {"hidden": 1e400}])
def test_a_network_larger_than_its_file_is_not_built(tmp_path: Path, changes: dict[str, float]) -> None:
    path = tmp_path / "d.safetensors"
    state = FastDecoder(SMALL).state_dict()
    save_file(state, path, {"config": json.dumps(asdict(SMALL))})
    FastDecoder.load(path)
    save_file(state, path, {"config": json.dumps(asdict(SMALL) | changes)})
    with pytest.raises(UserError, match=r"d\.safetensors: not a fast decoder .*(larger than the file|out of range)"):
        FastDecoder.load(path)


def test_a_pickle_that_would_unpack_to_much(tmp_path: Path) -> None:
    data, path = io.BytesIO(), tmp_path / "c.pt"
    torch.save({"a": torch.zeros(1 << 20)}, data)
    with ZipFile(data) as whole, ZipFile(path, "w", ZIP_DEFLATED) as packed:
        for member in whole.infolist():
            packed.writestr(member.filename, whole.read(member))
    assert path.stat().st_size < 100_000
    with pytest.raises(UserError, match=r"c\.pt: not a checkpoint, or damaged \(it would unpack to more"):
        checkpoint.load(path)
    with pytest.raises(UserError, match="not a voice pack, or damaged"):
        read_pack(path)


@pytest.mark.parametrize("archive", [True, False])
def test_a_pickle_with_a_name_of_absurd_length(tmp_path: Path, archive: bool) -> None:
    """PyTorch's own error about it takes minutes."""
    data, path = io.BytesIO(), tmp_path / "voice.pt"
    torch.save(torch.zeros(510, 1, 256), data, _use_new_zipfile_serialization=archive)
    name = b"_rebuild_tensor_v2"
    if not archive:
        path.write_bytes(data.getvalue().replace(name, b"_r" + b"[" * 60_000))
    else:
        with ZipFile(data) as whole, ZipFile(path, "w") as changed:
            for member in whole.infolist():
                changed.writestr(member.filename, whole.read(member).replace(name, b"_r" + b"[" * 60_000))
    with pytest.raises(UserError, match="names something with 60015 characters"):
        read_pack(path)


def test_a_voice_of_a_few_bytes_and_any_size(tmp_path: Path) -> None:
    path = tmp_path / "v.pt"
    for tensor in (
        torch.zeros(1).expand(10**9, 256),
        torch.zeros(510, 256, dtype=torch.int8),
        torch.ones(510, 256) * 1e9,
    ):
        torch.save(tensor, path)
        with pytest.raises(UserError, match="needs 510 rows of 256 finite numbers"):
            read_pack(path)
    torch.save(torch.zeros(1).expand(510, 1, 256), path)
    assert read_pack(path).shape == (510, 256)


def test_a_checkpoint_of_several_lines_of_error_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUANCED_SPEECH_CACHE", str(tmp_path / "cache"))
    data, path = io.BytesIO(), tmp_path / "k.pth"
    torch.save({"a": torch.zeros(3)}, data)
    with ZipFile(data) as whole, ZipFile(path, "w") as damaged:
        for member in whole.infolist():
            content = b"\x80\x02\x0b." if member.filename.endswith("data.pkl") else whole.read(member)
            damaged.writestr(member.filename, content)
    with pytest.raises(UserError, match=r"k\.pth does not hold a kokoro model") as caught:
        catalog.find("kokoro", path)
    assert "\n" not in str(caught.value)
    torch.save({"bert": {"a.weight": torch.tensor([float("nan")])}}, path)
    with pytest.raises(UserError, match=r"\('bert.a.weight' holds numbers from nan"):
        catalog.find("kokoro", path)


def test_integers_and_empty_tensors_have_no_such_numbers() -> None:
    tensor_files.check_finite({"a": torch.tensor([10**9]), "b": torch.zeros(0), "c": torch.zeros(2, dtype=torch.bool)})


@pytest.mark.slow
def test_mutated_files_of_every_format_are_read_or_refused(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "fuzz.py"), "--count", "4", "--seed", "3"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.strip().splitlines()[-1]
    assert " refused" in last and " read" in last and "raw" not in last


def environment() -> dict[str, str]:
    import os

    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
