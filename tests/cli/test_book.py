"""Books on the command line: chapters, files, what is kept, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from helpers import CLIP, ROOT
from text.test_book import write_book

from nuanced_speech.models.bank import ModelBank

av = pytest.importorskip("av")


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, models: ModelBank) -> None:
    """The command takes the models that are loaded already."""
    monkeypatch.setattr("nuanced_speech.models.bank.shared_bank", lambda device: models)


@pytest.mark.slow
def test_a_book_becomes_an_audiobook_and_files(loaded, tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    book = write_book(tmp_path / "book.epub", {"One?": "<p>Yes.</p>", "Two": "<p>No.</p>"})
    out, folder, times = tmp_path / "book.m4b", tmp_path / "chapters", tmp_path / "book.srt"
    status, _, err = run("say", book, out, "--chapters", folder, "--format", "flac", "--timestamps", times)
    assert status == 0, err
    with av.open(str(out)) as audiobook:
        assert [chapter["metadata"]["title"] for chapter in audiobook.chapters()] == ["One?", "Two"]
        assert audiobook.metadata["artist"] == "A. Writer, B. Other"
        assert "voice: af_heart (stock)" in audiobook.metadata["comment"]
    assert sorted(path.name for path in folder.iterdir()) == ["01 One.flac", "02 Two.flac"]
    assert soundfile.info(folder / "01 One.flac").duration > 2
    assert "Yes." in times.read_text() and "No." in times.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"book.epub", "book.m4b", "book.srt", "chapters"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.epub", "out.m4b"], "nowhere.epub: no such file"),
        (["words.epub", "out.m4b"], "words.epub: not a book in EPUB"),
        (["book.epub"], "give the text and the file to write"),
        (["book.epub", "-"], "goes into a file"),
        (["book.epub", "out.xyz"], "'.xyz'"),
        (["book.epub", "nowhere/out.m4b"], "nowhere does not exist"),
        (["book.epub", "--chapters", "out", "--format", "midi"], "--format: 'midi'"),
        (["Hello.", "out.wav", "--resume", "--voice", "af_hart"], "unknown voice 'af_hart'"),
        (["Hello.", "out.wav", "--voice", str(CLIP)], "--i-have-consent"),
        (["Hello.", "out.wav", "--like", "nowhere.wav"], "nowhere.wav does not exist"),
        (["Hello.", "out.wav", "--resume", "--speed", "9"], "--speed: "),
    ],
)
def test_mistakes_are_told_before_a_model_is_loaded(tmp_path: Path, monkeypatch, arguments, says, run) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    write_book(tmp_path / "book.epub", {"One": "<p>Yes.</p>"})
    (tmp_path / "words.epub").write_text("words")

    def refused(*arguments: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("nuanced_speech.models.bank.Kokoro", refused)
    status, _, err = run("say", *arguments)
    assert status == 1 and err.startswith("error: ") and err.count("\n") == 1 and says in err, err
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".epub"]


@pytest.mark.slow
def test_kills_at_random_moments_lose_nothing() -> None:
    command = [sys.executable, "benchmarks/kills.py", "--commands", "say", "--kills", "2", "--sentences", "2"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "faults" in ended.stdout and ended.stdout.rstrip().endswith("| 0 |")
