"""Help texts of all commands: their form, and the time that they take."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from nuanced_speech.cli.app import SUMMARIES, make_app

HEAVY = ("torch", "scipy", "transformers", "matplotlib", "numpy", "whisper", "safetensors", "pydantic")


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its path, groups included."""
    group = typer.main.get_command(make_app()) if group is None else group
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


CHECKED = [*commands()]


@pytest.mark.parametrize(("path", "command"), CHECKED, ids=[" ".join(path) for path, _ in CHECKED])
def test_every_text_has_the_right_form(path: tuple[str, ...], command: Any) -> None:
    texts = {"itself": command.help or ""}
    for parameter in command.params:
        if not getattr(parameter, "hidden", False) and parameter.name not in ("help", "command_context"):
            texts[parameter.name] = parameter.help or ""
    for name, text in texts.items():
        # a name may open the text: a file's or an option's
        assert re.match(r"[A-Z]", text), f"{path}: {name}: {text!r} does not start with an upper-case letter"
        assert not re.match(r"(Of|Where|How|That)\b", text), f"{path}: {name}: {text!r}"
        assert "what is heard" not in text.lower()
        if name != "itself":
            assert text.endswith("."), f"{path}: {name}: {text!r} does not end with a full stop"
    examples = "nuanced-speech " in texts["itself"]
    assert examples or texts["itself"].split("\n\n")[0].rstrip().endswith(".")


def test_the_walk_finds_all_commands() -> None:
    paths = {path for path, _ in commands()}
    assert {("convert",), ("voices", "map"), ("models", "pull"), ("train", "corpus"), ("tts", "codec")} <= paths
    assert len(paths) > 30


def test_the_list_shows_the_first_paragraph_of_each_command() -> None:
    whole = typer.main.get_command(make_app()).commands  # type: ignore[attr-defined]
    first = {name: " ".join(command.help.split("\n\n")[0].split()) for name, command in whole.items()}
    assert first == SUMMARIES


def test_the_list_is_the_same_without_the_commands() -> None:
    listed, whole = (CliRunner().invoke(make_app(listed=listed), ["--help"]).output for listed in (True, False))
    assert listed == whole and "convert" in whole


@pytest.mark.parametrize("arguments", [(), ("convert",), ("plot",), ("models", "pull"), ("voices", "map"), ("say",)])
def test_help_imports_no_heavy_package(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys\n"
        "from nuanced_speech.cli.app import main\n"
        f"sys.argv = ['nuanced-speech', *{arguments!r}, '--help']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]" and "Usage" in run.stdout
