"""Commands that are made of config dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from nuanced_speech.cli.config_options import changes_of, helps_of, options_of


@dataclass(frozen=True)
class Config:
    """How to do it.

    Attributes:
        folders: Folders to read,
            all of them.
        out: Folder to write.
        share: Share of something.
        names: Names of something.
        loud: Whether it is loud.
    """

    folders: tuple[Path, ...]
    out: Path = Path("out")
    share: float = field(default=0.5, metadata={"min": 0, "max": 1})
    names: tuple[str, ...] = ("a", "b")
    loud: bool = False


def result(decorator: Any, *arguments: str) -> Any:
    """What a command is called with; the text of its error where it is refused."""
    app, called = typer.Typer(), list[Any]()

    @app.command()
    @decorator
    def command(config: Any, more: Annotated[int, typer.Option(help="More.")] = 1) -> None:
        """Do it."""
        called.extend((config, more))

    ended = CliRunner().invoke(app, arguments)
    return called if ended.exit_code == 0 and called else ended.output


def test_fields_are_options_with_their_defaults() -> None:
    decorator = options_of(Config, arguments=("folders",), names={"names": "--name"})
    assert result(decorator, "x", "y") == [Config((Path("x"), Path("y"))), 1]
    given = result(decorator, "x", "--out", "z", "--share", "0.25", "--name", "c", "--loud", "--more", "2")
    assert given == [Config((Path("x"),), Path("z"), 0.25, ("c",), True), 2]
    assert "--share" in result(decorator, "x", "--share", "2")
    assert "Missing argument" in result(decorator)
    assert "Folders to read, all of them." in result(decorator, "--help")


def test_only_what_is_given_changes() -> None:
    decorator = changes_of(Config, texts=("names",))
    assert result(decorator) == [{}, 1]
    given = result(decorator, "--names", "c,d", "--share", "0.1", "--more", "3")
    assert given == [{"names": "c,d", "share": 0.1}, 3]


def test_a_field_without_a_help_line_is_a_mistake() -> None:
    @dataclass(frozen=True)
    class Silent:
        """Nothing."""

        number: int = 1

    assert helps_of(Silent) == {}
    with pytest.raises(KeyError):
        result(options_of(Silent))
