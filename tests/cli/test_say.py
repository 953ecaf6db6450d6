"""``say`` on the command line: files, pipes, and what cannot be said."""

from __future__ import annotations

import io
import json
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from nuanced_speech import audio
from nuanced_speech.cli.say import _spread
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.jobs import ALONE, spread_of

if TYPE_CHECKING:
    from nuanced_speech.models.bank import ModelBank


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, models: ModelBank) -> None:
    """The command line with the synthesizer that is loaded already."""
    monkeypatch.setattr("nuanced_speech.models.bank.shared_bank", lambda device: models)


def test_a_file_is_said_into_a_file(loaded, tmp_path, run) -> None:
    book, out, times = tmp_path / "book.txt", tmp_path / "book.flac", tmp_path / "book.json"
    book.write_text("Hello. 😀 Good bye.", encoding="utf-8-sig")
    status, _, err = run("say", "--file", book, out, "--timestamps", times, "--voice", "bm_george")
    assert status == 0, err
    found = json.loads(times.read_text())
    assert [s["text"] for s in found["sentences"]] == ["Hello.", "Good bye."]
    assert [w["text"] for w in found["words"]] == ["Hello.", "Good", "bye."]
    assert found["sentences"][1]["end"] == found["words"][2]["end"] < soundfile.info(out).duration


def test_a_pipe_gets_the_first_sentence_before_the_last_is_made(monkeypatch, loaded, kokoro, run) -> None:
    pipe, lengths = io.BytesIO(), []
    decode = kokoro.decode

    def watched(*arguments, **options):
        lengths.append(len(pipe.getvalue()))
        return decode(*arguments, **options)

    monkeypatch.setattr(kokoro, "decode", watched)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Hello. Good bye.")))
    status, _, err = run("say", "-", "-")
    assert status == 0, err
    data = pipe.getvalue()
    start = data.index(b"data") + 8
    assert lengths[0] == start and lengths[1] > 20_000
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert audio.SYNTHETIC in file.comment and "af_heart" in file.comment
    assert data[:4] == b"RIFF" and struct.unpack("<IHHIIHH", data[16:36]) == (16, 1, 1, 24000, 48000, 2, 16)
    written = np.frombuffer(data[start:], "<i2") / 32768
    assert -30 < audio.active_level_db(written, 24000) < -15


def test_only_who_waits_gets_a_long_first_sentence_in_parts(monkeypatch, tmp_path, run) -> None:
    soon: list[bool] = []

    def stream(speech, text, **options):
        soon.append(options["soon"])
        raise UserError("spoken")

    monkeypatch.setattr("nuanced_speech.cli.speech.TextSpeaker.stream", stream)
    for out in ("-", tmp_path / "out.wav"):
        assert run("say", "Good morning.", out).status == 1
    assert soon == [True, False]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["", "out.wav"], "nothing speakable"),
        (["   ", "out.wav"], "nothing speakable"),
        (["!!!", "out.wav"], "nothing speakable"),
        (["🎉", "out.wav"], "nothing speakable"),
        (["Hello.", "out.wav", "--language", "tlh"], "unknown language 'tlh': choose from en-us"),
        (["Hello.", "out.wav", "--voice", "af_hart"], "unknown voice 'af_hart': did you mean"),
        (["Hello.", "out.wav", "--device", "abacus"], "error: device 'abacus' is not usable here"),
        (["Hello.", "out.wav", "--device", "gpu"], "error: device 'gpu' is not usable here"),
        (["Hello.", "out.wav", "--jobs", "0"], "--jobs: 0 is not possible"),
        (["Hello.", "out.xyz"], "cannot write the suffix '.xyz'"),
        (["Hello.", "nowhere/out.wav"], "nowhere does not exist"),
        (["Hello.", "out.wav", "--timestamps", "out.txt"], ".json, .srt, .vtt"),
        (["Hello.", "out.wav", "--timestamps", "nowhere/out.srt"], "nowhere does not exist"),
        (["Hello.", "out.wav", "--speed", "0"], "a speed of 0 is not possible: give 0.5 to 3"),
        (["Hello.", "out.wav", "--speed", "-1"], "a speed of -1 is"),
        (["Hello.", "out.wav", "--speed", "nan"], "a speed of nan is"),
        (["Hello.", "out.wav", "--speed", "100"], "a speed of 100 is"),
        (["Hello.", "out.wav", "--pause", "nan"], "a pause of nan is"),
        (["Hello."], "give the text and the file to write"),
        (["Hello.", "out.wav", "--file", "book.txt"], "give the file to write and no text besides"),
        (["out.wav", "--file", "absent.txt"], "absent.txt cannot be read: No such file"),
        (["out.wav", "--file", "."], "cannot be read: Is a directory"),
        (["out.wav", "--file", "binary.txt"], "binary.txt is not text in UTF-8 (byte 0)"),
        (["out.wav", "--file", "large.txt"], "large.txt is longer than 100 MB"),
        (["out.wav", "--file", "zeros.txt"], "zeros.txt is not plain text"),
        (["out.wav", "--file", "empty.txt"], "nothing speakable"),
        (["out.wav", "--file", "book.srt", "--timestamps", "book.srt"], "is read or written besides"),
    ],
)
def test_bad_wishes_are_one_line_and_write_nothing(monkeypatch, loaded, tmp_path, arguments, says, run) -> None:
    monkeypatch.chdir(tmp_path)
    Path("binary.txt").write_bytes(b"\x89\xff\xfe\x00\x01")
    Path("zeros.txt").write_bytes(b"a\0b")
    Path("empty.txt").touch()
    with Path("large.txt").open("wb") as file:
        file.truncate(100_000_001)
    Path("book.srt").write_text("Hello.")
    before = sorted(path.name for path in tmp_path.iterdir())
    status, _, err = run("say", *arguments)
    assert status == 1
    assert err.startswith("error: ") and err.count("\n") == 1 and says in err, err
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert Path("book.srt").read_text() == "Hello."


def test_utterances_are_made_at_the_same_time_where_it_is_kept_or_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _spread("cpu", False, None, None) == _spread("cpu", False, None, 0.0) == ALONE
    assert _spread("cpu", True, None, None) == spread_of("cpu")
    # a GPU makes one text in batches too, unless it is to make none
    monkeypatch.setattr("nuanced_speech.core.device.check_device", lambda device: None)
    assert _spread("cuda", False, None, None) == spread_of("cuda") != ALONE == _spread("cuda", False, None, 0.0)
    # unless somebody listens already
    assert _spread("cuda", False, None, None, piped=True) == ALONE
    assert _spread("cpu", False, None, 30.0) == spread_of("cpu", None, 30.0) != _spread("cpu", False, 1, 30.0)
