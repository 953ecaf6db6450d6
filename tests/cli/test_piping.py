"""WAV in pipes and in files that standard output is sent to."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import warnings
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer

from nuanced_speech import audio
from nuanced_speech.cli import app as cli
from nuanced_speech.cli import piping

SECOND = (0.3 * np.sin(np.arange(24000) * 0.05)).astype(np.float32)


class Pipe(io.BytesIO):
    """Cannot be wound back."""

    def seekable(self) -> bool:
        return False


def test_a_piped_wav_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = Pipe()
    writer = piping._PipedWav(pipe, "synthetic", None)
    for chunk in (SECOND[:1000], SECOND[1000:]):
        writer.write(chunk)
    writer.close()
    path = tmp_path / "piped.wav"
    path.write_bytes(pipe.getvalue())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(audio.read(path)) == 24000
    assert soundfile.SoundFile(path).comment == "synthetic"


def test_a_known_length_is_announced(tmp_path: Path) -> None:
    pipe = Pipe()
    writer = piping._PipedWav(pipe, "x", 24000)
    writer.write(SECOND)
    writer.close()
    with wave.open(io.BytesIO(pipe.getvalue())) as read:
        assert read.getnframes() == 24000
    assert int.from_bytes(pipe.getvalue()[4:8], "little") == len(pipe.getvalue()) - 8


def test_a_file_gets_its_sizes_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "redirected.wav"
    with path.open("w+b") as file:
        writer = piping._PipedWav(file, "x", None)
        writer.write(SECOND)
        writer.close()
    with wave.open(str(path)) as read:
        assert read.getnframes() == 24000 and len(read.readframes(10**6)) == 48000


def test_a_file_that_is_appended_to_is_not_wound_back(tmp_path: Path) -> None:
    path = tmp_path / "appended.wav"
    path.write_bytes(b"before")
    with path.open("ab") as file:
        writer = piping._PipedWav(file, "x", None)
        writer.write(SECOND)
        writer.close()
    assert path.read_bytes().startswith(b"beforeRIFF\xff\xff\xff\xff") and path.read_bytes().endswith(
        audio.to_int16(SECOND).tobytes()
    )


def test_standard_input_becomes_a_file(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    class Standard:
        buffer = io.BytesIO(clip.read_bytes())

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr("sys.stdin", Standard())
    with piping.standard_input() as path:
        assert np.array_equal(audio.read(path), audio.read(clip))
    assert not path.parent.exists()


def to_pipe() -> None:
    with piping.opened("-", "synthetic") as writer:
        for _ in range(100):
            writer.write(SECOND)


COMMANDS = {
    "say": to_pipe,
    "convert to wav": lambda: piping.write_out(np.tile(SECOND, 100), ".wav", "synthetic"),
    "convert to flac": lambda: piping.write_out(np.tile(SECOND, 100), ".flac", "synthetic"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("full", "says"), [(True, "error: standard output cannot be written: No space left on device\n"), (False, "")]
)
def test_a_full_disk_and_a_closed_reader_end_in_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str, full: bool,
    says: str,
) -> None:  # fmt: skip
    if full:
        if not Path("/dev/full").exists():
            pytest.skip("Linux has a device that is always full")
        output = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, output = os.pipe()
        os.close(reader)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["nuanced-speech"])
    app = typer.Typer()
    app.command()(COMMANDS[command])
    monkeypatch.setattr(cli, "make_app", lambda names, listed: app)
    with monkeypatch.context() as patch, io.TextIOWrapper(io.BufferedWriter(io.FileIO(output, "w"))) as standard:
        patch.setattr(sys, "stdout", standard)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == 1 and capsys.readouterr().err == says
    assert not list(tmp_path.iterdir())
