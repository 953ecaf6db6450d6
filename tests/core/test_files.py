"""Files that appear whole or not at all."""

from __future__ import annotations

import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import ROOT, ordinary_user
from safetensors.torch import save_file

from nuanced_speech.core import files
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import check_apart, check_replaceable, replacing


def refusal(path: Path) -> str:
    """What both functions say of a path that cannot be written; the block must not begin."""
    with pytest.raises(UserError) as checked:
        check_replaceable(path)
    with pytest.raises(UserError) as written, replacing(path):
        raise AssertionError("the block must not begin")
    assert str(checked.value) == str(written.value)
    return str(written.value)


def test_the_file_appears_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".json" and temporary != path
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_there_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")
    with replacing(str(path)) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, UserError])
def test_a_failure_leaves_the_old_file_and_nothing_else(failure: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")
    with pytest.raises(failure), replacing(path) as temporary:
        temporary.write_text("half")
        raise failure
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_may_remove_the_temporary_file_but_not_quietly(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")
    with pytest.raises(UserError, match="cannot write"), replacing(path) as temporary:
        temporary.unlink()
    assert path.read_text() == "old"


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with replacing(tmp_path / "out.bin") as temporary:
        temporary.unlink()
        temporary.touch(0o600)  # as some writers do that put a file of their own there
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("out.bin", "plain")]
    assert modes[0] == modes[1]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "folder" / "real.txt")
    with replacing(tmp_path / "link.txt") as temporary:
        assert temporary.parent == tmp_path / "folder"
        temporary.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "folder" / "real.txt").read_text() == "new"


def test_a_missing_folder_and_a_folder_in_the_way_are_told(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "nowhere" / "out.txt")
    assert not (tmp_path / "nowhere").exists()
    assert "is a folder" in refusal(tmp_path)


def test_what_may_not_be_written_is_told_and_left() -> None:
    with ordinary_user() as folder:
        (folder / "out.txt").write_text("precious")
        (folder / "out.txt").chmod(0o400)
        assert "Permission denied" in refusal(folder / "out.txt")
        assert (folder / "out.txt").read_text() == "precious"
        folder.chmod(0o500)
        assert "Permission denied" in refusal(folder / "new.txt")
        folder.chmod(0o700)


def test_the_check_changes_nothing(tmp_path: Path) -> None:
    check_replaceable(tmp_path / "new.txt")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "old.txt").write_text("old")
    before = (tmp_path / "old.txt").stat()
    check_replaceable(tmp_path / "old.txt")
    after = (tmp_path / "old.txt").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may become larger, as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def by_text(path: Path) -> None:
    path.write_text("x" * 100_000)


def by_torch(path: Path) -> None:
    torch.save(torch.zeros(100_000), path)


def by_safetensors(path: Path) -> None:
    save_file({"a": torch.zeros(100_000)}, path)


def by_zip(path: Path) -> None:
    np.savez(path, a=np.zeros(100_000))


@pytest.mark.parametrize("write", [by_text, by_torch, by_safetensors, by_zip])
def test_a_full_disk_is_one_line_whatever_a_library_makes_of_it(write: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "out.npz"
    path.write_text("old")
    with room_for(20_000), pytest.raises(UserError, match=r"cannot write .*out\.npz: File too large"):  # noqa: SIM117
        with replacing(path) as temporary:
            write(temporary)
    assert path.read_text() == "old" and [*tmp_path.iterdir()] == [path]


def test_a_folder_that_goes_while_a_file_is_written_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(UserError, match="cannot write .*No such file"), replacing(folder / "out.txt") as temporary:
        shutil.rmtree(folder)
        temporary.write_text("new")


def test_another_error_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "out.txt"):
        (tmp_path / "nothing.txt").read_text()
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "out.txt"):
        1 / 0  # noqa: B018
    assert [*tmp_path.iterdir()] == []


def test_an_input_is_not_written_over(tmp_path: Path) -> None:
    path, other = tmp_path / "in.wav", tmp_path / "other.wav"
    path.touch()
    check_apart(tmp_path / "new.wav", path, None)
    (tmp_path / "link.wav").symlink_to(path)
    for output in (path, tmp_path / "link.wav"):
        with pytest.raises(UserError, match="is read or written besides"):
            check_apart(output, other, path)


def test_a_device_is_not_replaced() -> None:
    assert "device" in refusal(Path("/dev/null"))


_HELD = """
import os, sys, tempfile, time
from pathlib import Path
from nuanced_speech.core.files import temporary_folder
tempfile.tempdir = sys.argv[1]
with temporary_folder() as folder:
    (folder / "sound").write_bytes(b"x" * 1000)
    print(folder, flush=True)
    time.sleep(600)
"""


def test_a_temporary_folder_goes_and_that_of_a_killed_process_with_the_next_one(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", _HELD, tmp_path], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    held = Path(process.stdout.readline().strip())
    files.remove_leftovers.cache_clear()
    with files.temporary_folder(tmp_path) as folder:
        assert folder.is_dir() and (held / "sound").is_file()  # its process lives
    assert [*tmp_path.iterdir()] == [held]
    process.kill()
    process.wait()
    process.stdout.close()
    (tmp_path / held.name.replace(held.name.split("-")[2], "00000000")).mkdir()  # another machine's
    files.remove_leftovers.cache_clear()
    with files.temporary_folder(tmp_path):
        assert not held.exists()
    assert len([*tmp_path.iterdir()]) == 1
