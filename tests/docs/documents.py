"""The documentation as the tests see it: its files, their code blocks, and the command tree that they must match."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from helpers import ROOT

README = ROOT / "README.md"
FOLDER = ROOT / "docs"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^    .*\n?)+", re.MULTILINE)


class Command(NamedTuple):
    """One line of a shell block: the document, and the words from the program's name on."""

    document: str
    words: tuple[str, ...]


def documents() -> list[Path]:
    """All Markdown files that a reader may open."""
    return [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(FOLDER.rglob("*.md"))]


def blocks(text: str, *languages: str) -> list[str]:
    """The contents of fenced code blocks in these languages ("" for none)."""
    return [body for language, body in FENCE.findall(text) if language in languages]


def commands(path: Path) -> list[Command]:
    """All calls of programs in shell blocks, in blocks without a language and in indented ones."""
    text = path.read_text(encoding="utf-8")
    shell = [*blocks(text, "sh", "bash", "")]
    outside = FENCE.sub("", text)
    shell += [re.sub("^    ", "", body, flags=re.MULTILINE) for body in INDENTED.findall(outside)]
    name = str(path.relative_to(ROOT))
    return [Command(name, words) for body in shell for words in _calls(body)]


def inline_commands(path: Path) -> list[Command]:
    """All calls of ``nuanced-speech`` in inline code."""
    text = INDENTED.sub("", FENCE.sub("", path.read_text(encoding="utf-8")))
    spans = [span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", text)]
    name = str(path.relative_to(ROOT))
    return [Command(name, words) for span in spans if span.startswith("nuanced-speech ") for words in _calls(span)]


def _calls(shell: str) -> Iterator[tuple[str, ...]]:
    for line in shell.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue  # no shell command: a diagram
        part: list[str] = []
        for word in [*words, "|"]:
            if word in ("|", "&&", ";"):
                if part:
                    yield tuple(part)
                part = []
            else:
                part.append(word)


def command_tree() -> Any:
    """The command that ``nuanced-speech`` runs, with its subcommands."""
    from typer.main import get_command

    from nuanced_speech.cli.app import make_app

    return get_command(make_app())


def problem(words: tuple[str, ...], tree: Any) -> str | None:
    """What does not exist in a call of ``nuanced-speech``, given the words after its name; None if all does."""
    command, path = tree, ["nuanced-speech"]
    rest = list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        word = rest.pop(0)
        if word not in command.commands:
            return f"{' '.join(path)} has no command {word!r}"
        command = command.commands[word]
        path.append(word)
    known = {"--help"} | {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in rest:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in known:
            return f"{' '.join(path)} has no option {option}"
    return None
