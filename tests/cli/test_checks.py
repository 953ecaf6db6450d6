"""What is wrong is told before a model is loaded or work begins."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from helpers import CLIP, Ended

from nuanced_speech.cli.checks import seconds_of
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.content_adapter import ContentConfig

Run = Callable[..., Ended]


def _refused(*arguments: object, **options: object) -> NoReturn:
    raise UserError("no weights here")


def _never(*arguments: object, **options: object) -> NoReturn:
    raise AssertionError("work has begun")


@pytest.fixture
def without_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be converted, cloned or loaded."""
    monkeypatch.setattr("nuanced_speech.convert.converter.Converter.convert", _never)
    monkeypatch.setattr("nuanced_speech.voicemaking.cloning.clone", _never)
    monkeypatch.setattr("nuanced_speech.models.bank.ModelBank._once", _never)


@pytest.mark.parametrize("report", ["file/report", "file"])
def test_a_report_that_cannot_be_written_is_refused_first(
    run: Run, tmp_path: Path, without_models: None, report: str
) -> None:
    (tmp_path / "file").touch()
    status, _, err = run("convert", CLIP, tmp_path / "out.wav", "--report", tmp_path / report)
    assert status == 1 and "cannot make this folder" in err and err.count("\n") == 1
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--loudness", "loud", "loudness loud"),
        ("--language", "xx", "unknown language"),
        ("--speed", "9", "a speed of 9"),
        ("--pause", "99", "a pause of 99"),
        ("--like", "nothing.wav", "nothing.wav does not exist"),
        ("--decoder", "nothing.safetensors", "nothing.safetensors"),
        ("--device", "cuda:77", "cuda"),
    ],
)
def test_say_checks_all_before_it_clones(
    run: Run, tmp_path: Path, without_models: None, option: str, value: str, says: str
) -> None:
    out = tmp_path / "out.wav"
    status, _, err = run("say", "Yes.", out, "--voice", CLIP, "--i-have-consent", "public domain", option, value)
    assert status != 0 and says in err


def test_say_looks_for_the_recording_of_a_voice(run: Run, tmp_path: Path, without_models: None) -> None:
    out = tmp_path / "out.wav"
    status, _, err = run("say", "Yes.", out, "--voice", tmp_path / "me.wav", "--i-have-consent", "me")
    assert status == 1 and "me.wav does not exist" in err


@pytest.mark.parametrize(
    "command",
    [
        ("say", "Yes.", "me.wav", "--voice", "me.wav"),
        ("say", "Yes.", "me.wav", "--voice", "../me/me.wav", "--resume"),
        ("say", "--file", "book.txt", "--chapters", ".", "--voice", "01 book.wav"),
        ("say", "--file", "book.txt", "01 book.wav", "--chapters", "."),
        ("reply", "in.wav", "me.wav", "--voice", "me.wav"),
        ("reply", "in.wav", "in.wav"),
        ("reply", "in.wav", "new.wav", "--conversation", "./new.wav"),
        ("reply", "in.wav", "out.wav", "--voice", "me.wav", "--conversation", "me.wav"),
    ],
)
def test_no_recording_is_overwritten(
    run: Run, tmp_path: Path, without_models: None, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    folder = tmp_path / "me"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "book.txt").write_text("Yes. We do.")
    for name in ("in.wav", "me.wav", "01 book.wav"):
        (folder / name).write_bytes(CLIP.read_bytes())
    before = sorted(folder.iterdir())
    consent = ("--i-have-consent", "me") if "--voice" in command else ()
    status, _, err = run(*command, *consent)
    assert status == 1 and "is read or written besides" in err and err.count("\n") == 1
    assert sorted(folder.iterdir()) == before and (folder / "me.wav").read_bytes() == CLIP.read_bytes()


@pytest.mark.parametrize(("language", "month"), [("de", "Mai"), (None, "May")])
def test_ssml_for_the_voice_of_a_recording(
    run: Run, tmp_path: Path, without_models: None, monkeypatch: pytest.MonkeyPatch, language: str | None, month: str
) -> None:
    spoken: list[Any] = []
    monkeypatch.setattr("nuanced_speech.cli.speech.voice_of", lambda *_: None)
    monkeypatch.setattr("nuanced_speech.cli.say._speak", lambda book, *_: spoken.append(book))
    text = '<speak><say-as interpret-as="date" format="dmy">4/5/2024</say-as></speak>'
    chosen = ("--language", language) if language else ()
    status, _, err = run(
        "say", "--ssml", text, tmp_path / "out.wav", "--voice", CLIP, "--i-have-consent", "public domain", *chosen
    )
    assert status == 0, err
    assert month in spoken[0].chapters[0].text


def test_say_looks_for_room(run: Run, tmp_path: Path, without_models: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    status, _, err = run("say", "These are some words.", tmp_path / "out.wav")
    assert status == 1 and "are needed" in err and not list(tmp_path.iterdir())


def test_letters_without_spaces_take_longer() -> None:
    assert seconds_of(["a" * 20, "b" * 20]) == 4 and seconds_of(["犬が好き", "ab" * 10]) == 3


def test_convert_looks_for_the_whisper_that_analyses(
    run: Run, tmp_path: Path, without_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> None:
        if name != "kokoro":
            raise UserError(f"no {name} here")

    monkeypatch.setattr("nuanced_speech.weights.catalog.find", find)
    status, _, err = run("convert", CLIP, tmp_path / "out.wav", "--path", "direct", "--whisper", "tiny.en")
    assert status == 1 and err == f"error: no whisper-{ContentConfig().whisper} here\n"


@pytest.mark.parametrize(
    "command",
    [
        ("reply", CLIP, "out.wav", "--llm-url", "http://127.0.0.1:9/v1"),
        ("live", "--source", CLIP, "--write", "out.wav"),
        ("voices", "sample", "af_heart", "out.wav"),
        ("tts", "prepare", CLIP.parent, "out"),
        ("say", "Yes.", "out.wav", "--like", CLIP),
    ],
)
def test_weights_are_looked_for_before_work(
    run: Run, tmp_path: Path, without_models: None, monkeypatch: pytest.MonkeyPatch, command: tuple[object, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nuanced_speech.weights.catalog.find", _refused)
    monkeypatch.setattr("nuanced_speech.audio.read", _never, raising=False)
    status, _, err = run(*command)
    assert status == 1 and err == "error: no weights here\n"
    assert not list(tmp_path.iterdir())
