"""What is said of files of weights that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuanced_speech.core.errors import UserError, reading_weights


def test_a_file_that_is_not_there_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    path = tmp_path / "codec.safetensors"
    with (
        pytest.raises(UserError, match=r"codec\.safetensors: no codec there; make one with: make codec$"),
        reading_weights(path, "codec", "make codec"),
    ):
        raise AssertionError("the block must not begin")


def test_whatever_goes_wrong_inside_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "codec.safetensors"
    path.touch()
    with pytest.raises(UserError) as caught, reading_weights(path, "codec", "make codec"):
        raise KeyError("dims")
    assert str(caught.value) == f"{path}: not a codec of this version, or damaged (KeyError)"
    assert isinstance(caught.value.__cause__, KeyError)
