"""README.md and docs/: every command, option and link in them exists, and the Python code runs."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from docs.documents import (
    FENCE,
    FOLDER,
    README,
    Command,
    blocks,
    command_tree,
    commands,
    documents,
    inline_commands,
    problem,
)
from helpers import CLIP, ROOT

from nuanced_speech import audio
from nuanced_speech.voice.voice import Voice
from nuanced_speech.voicemaking import clone_voice as clone_module
from nuanced_speech.voicemaking import cloning

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
MAX_README_LINES = 150


@cache
def tree() -> Any:
    return command_tree()


def outside_code(path: Path) -> str:
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", path.read_text(encoding="utf-8")))


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub and mkdocs make it."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.lower())).strip("-")


def anchors(path: Path) -> set[str]:
    """The anchors of all headings of a document."""
    return {slug(heading) for heading in HEADING.findall(FENCE.sub("", path.read_text(encoding="utf-8")))}


def test_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_option_exists(path: Path) -> None:
    calls = [c for c in commands(path) if Path(c.words[0]).name == "nuanced-speech"]
    calls += inline_commands(path)
    assert [(c.words, p) for c in calls if (p := problem(c.words[1:], tree()))] == []


def test_readme_and_command_line_page_show_every_main_command() -> None:
    shown = {
        c.words[1] for path in (README, FOLDER / "cli.md") for c in commands(path) if "nuanced-speech" in c.words[0]
    }
    listed = set(re.findall(r"\[`(\w+)`\]", (FOLDER / "cli.md").read_text(encoding="utf-8")))
    assert listed == set(tree().commands)
    assert shown >= set(tree().commands) - {"models"}


def test_every_option_is_explained_on_the_command_line_page() -> None:
    """Each option of each command stands somewhere in docs/cli.md, by one of its names."""
    text = (FOLDER / "cli.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"--[a-z][\w-]*", text))

    def missing(command: Any, name: str) -> list[str]:
        options = [{opt for opt in (*p.opts, *p.secondary_opts) if opt.startswith("--")} for p in command.params]
        lines = [f"{name} {'/'.join(sorted(names))}" for names in options if names and not names & shown]
        children = getattr(command, "commands", {})
        return lines + [line for sub, child in children.items() for line in missing(child, f"{name} {sub}")]

    assert missing(tree(), "nuanced-speech") == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("fly", "in.wav"), "nuanced-speech has no command 'fly'"),
        (("convert", "in.wav", "--wings", "2"), "nuanced-speech convert has no option --wings"),
        (("tts", "codec", "encode", "a", "b", "--seed=1"), "nuanced-speech tts codec encode has no option --seed"),
        (("convert", "in.wav", "out.wav", "--seed=1"), None),
    ],
)
def test_what_does_not_exist_is_found(words: tuple[str, ...], message: str | None) -> None:
    assert problem(words, tree()) == message


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    calls = [c for path in documents() for c in commands(path) if c.words[0] == "make"]
    named = {word for c in calls for word in c.words[1:] if "=" not in word}
    assert named <= targets
    assert {"demo", "test"} <= named


def test_scripts_that_are_run_exist() -> None:
    scripts = {
        word
        for path in documents()
        for call in commands(path)
        if call.words[0] == "python"
        for word in call.words[1:2]
        if word.endswith(".py")
    }
    assert scripts
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_heading(path: Path) -> None:
    broken = []
    for target in LINK.findall(outside_code(path)):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_every_document_is_in_the_readme_or_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    missing = [
        name
        for path in FOLDER.rglob("*.md")
        if (name := str(path.relative_to(FOLDER))) not in navigation and f"(docs/{name})" not in readme
    ]
    assert missing == []


def test_every_page_of_the_top_level_is_in_the_readme() -> None:
    readme = README.read_text(encoding="utf-8")
    assert [path.name for path in FOLDER.glob("*.md") if f"(docs/{path.name})" not in readme] == []


@pytest.fixture
def no_cloning(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], str]]:
    """``clone_voice`` checks its arguments and gives a stock voice: real cloning takes a minute and has its own tests.

    Returns:
        the recordings and the name of each call.
    """
    calls: list[tuple[list[str], str]] = []

    def clone(recordings: list[str], name: str, **options: Any) -> Voice:
        signature(cloning.clone).bind(recordings, name, **options)
        assert all(len(audio.read(recording)) for recording in recordings)
        calls.append((recordings, name))
        return replace(Voice.load("am_adam"), name=name)

    monkeypatch.setattr(clone_module, "clone_voice", clone)
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "docs/index.md", "docs/voices.md", "docs/api.md"])
def test_python_blocks_run(
    name: str,
    shared_models: None,
    no_cloning: list[tuple[list[str], str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a real clip of two seconds under each name that the blocks use, in an empty folder."""
    code = "\n".join(blocks((ROOT / name).read_text(encoding="utf-8"), "python"))
    monkeypatch.chdir(tmp_path)
    clip = audio.read(CLIP)[: 2 * audio.SAMPLE_RATE]
    for recording in set(re.findall(r'"(\w+\.(?:wav|mp3))"', code)) - {"out.wav"}:
        # libsndfile knows the format by the content, not by the name
        audio.write("clip.wav", clip)
        Path("clip.wav").rename(recording)
    scope: dict[str, Any] = {}
    exec(compile(code, name, "exec"), scope)
    if "out.wav" in code:
        assert len(audio.read("out.wav")) == len(clip)
    if "wave" in scope:
        assert isinstance(scope["wave"], np.ndarray) and np.isfinite(scope["wave"]).all()
        assert len(scope["wave"]) > audio.SAMPLE_RATE / 2
    assert len(no_cloning) == code.count("clone_voice(")
    assert ("blend.save" in code) == Path("voices/blend.safetensors").is_file()


def test_calls_are_read_from_all_kinds_of_blocks() -> None:
    """The parser sees fenced, indented and piped calls, and no comment."""
    calls = commands(FOLDER / "cli.md")
    assert Command("docs/cli.md", ("nuanced-speech", "detect", "hello.wav")) in calls
    assert Command("docs/cli.md", ("aplay",)) in calls
    assert not any("#" in c.words for c in calls)
    assert any(c.words[:3] == ("nuanced-speech", "say", "-") for c in calls)
    assert any("tts" in c.words for c in commands(FOLDER / "tts.md"))
