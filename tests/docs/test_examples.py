"""The scripts in examples/: they run, they are short, and they use the public interface only."""

from __future__ import annotations

import ast
import runpy
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers import CLIP, ROOT

import nuanced_speech
from nuanced_speech import audio
from nuanced_speech.adapt.prosody_fit import ProsodyFitConfig
from nuanced_speech.convert.converter import Converter
from nuanced_speech.voice.stock import stock_voices
from nuanced_speech.voice.voice import Voice
from nuanced_speech.voicemaking.clone_voice import clone_voice
from nuanced_speech.voicemaking.cloning import CloningConfig

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
MAX_LINES = 42
# what an example shows besides the package
FURTHER = {"answer.py": ("httpx",), "change.py": ("httpx",), "live.py": ("websockets.sync.client",)}
PUBLIC = {*nuanced_speech.__all__, "audio"}

Run = Callable[..., None]


@pytest.fixture
def example(shared_models: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """``example(name, *arguments)`` runs a script in an empty folder, with models that are loaded already."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")

    return run


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """Two seconds of real speech at 24 kHz."""
    path = tmp_path / "short.wav"
    audio.write(path, audio.read(CLIP)[: 2 * audio.SAMPLE_RATE], comment="")
    return path


@pytest.mark.slow
def test_convert(example: Run, short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example("convert.py", short, "out.wav")
    assert len(audio.read("out.wav")) == len(audio.read(short))
    assert "out.wav: 2.0 s" in capsys.readouterr().out


@pytest.mark.slow
def test_stream(example: Run, short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example("stream.py", short, "out.wav")
    streamed = audio.read("out.wav")
    assert len(streamed) == len(audio.read(short)) and not np.array_equal(streamed, audio.read(short))
    assert audio.synthetic_mark(Path("out.wav"))
    assert capsys.readouterr().out.splitlines()[-1] == "2.0 s"


@pytest.mark.slow
def test_clone(
    example: Run, quick: Converter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # one step between two stock voices: a whole search takes a minute
    few = ProsodyFitConfig(steps=1, left_out=frozenset(set(stock_voices()) - {"am_michael", "af_heart"}))
    cloned = partial(clone_voice, models=quick.models, config=CloningConfig(prosody=few, sentences=("Yes.",)))
    monkeypatch.setattr(nuanced_speech, "clone_voice", cloned, raising=False)
    example("clone.py", "huck", "The recording is public.", "hello.wav", CLIP)
    assert capsys.readouterr().out == "voices/huck.safetensors and hello.wav\n"
    voice = Voice.load("voices/huck.safetensors")
    assert (voice.provenance.kind, voice.provenance.consent) == ("clone", "The recording is public.")
    assert 0.8 < len(audio.read("hello.wav")) / audio.SAMPLE_RATE < 5
    assert audio.synthetic_mark(Path("hello.wav")) == voice.mark


@pytest.mark.slow
def test_batch(example: Run, short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example("batch.py", "af_heart", "converted", short)
    converted = audio.read("converted/short.wav")
    assert len(converted) == len(audio.read(short))
    assert not np.array_equal(converted, audio.read(short))
    assert audio.synthetic_mark(Path("converted/short.wav"))
    assert "short.wav" in capsys.readouterr().out


@pytest.mark.slow
def test_say(example: Run) -> None:
    example("say.py", "Good morning.", "hello.wav", "bf_emma")
    assert 0.5 < len(audio.read("hello.wav")) / audio.SAMPLE_RATE < 4
    assert audio.synthetic_mark(Path("hello.wav"))


@pytest.mark.slow
def test_reply(example: Run, short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("xllamacpp", reason="the extra reply is not installed")
    example("reply.py", short, "answer.wav", "af_heart")
    lines = capsys.readouterr().out.splitlines()
    assert "mob" in lines[0] and lines[1].startswith("answer: ") and len(lines[1]) > 9
    assert len(audio.read("answer.wav")) > 0.3 * audio.SAMPLE_RATE
    assert "af_heart" in (audio.synthetic_mark(Path("answer.wav")) or "")


def test_there_are_the_examples_that_the_table_names() -> None:
    table = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in EXAMPLES} == {
        "answer.py", "batch.py", "change.py", "clone.py", "convert.py", "live.py", "reply.py", "say.py", "serve.py",
        "stream.py",
    }  # fmt: skip
    assert all(f"`{path.name}`" in table for path in EXAMPLES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_short_and_public(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    module = ast.parse(source)
    assert len(source.splitlines()) <= MAX_LINES
    assert f"python examples/{path.name}" in (ast.get_docstring(module) or "")
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            assert node.module in ("nuanced_speech", "pathlib", *FURTHER.get(path.name, ()))
            if node.module == "nuanced_speech":
                assert {name.name for name in node.names} <= PUBLIC
        if isinstance(node, ast.Import):
            assert {name.name.split(".")[0] for name in node.names} <= set(sys.stdlib_module_names)
