"""Files that appear whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from helpers import ordinary_user

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import check_replaceable, replacing


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
