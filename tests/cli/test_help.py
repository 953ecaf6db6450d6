"""Help texts of all commands: their form, and the time that they take."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from nuanced_speech.cli.app import make_app

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
