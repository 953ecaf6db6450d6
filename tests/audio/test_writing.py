"""Audio files are written whole or not at all."""

from __future__ import annotations

import stat
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio.tones import tone
from helpers import ROOT, ordinary_user

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError


@pytest.mark.parametrize("name", ["out.wav", "out.flac", "out.ogg", "OUT.WAV"])
def test_round_trip(tmp_path: Path, name: str) -> None:
    wave = tone(2.0, 24000)
    audio.write(tmp_path / name, wave)
    info = soundfile.info(tmp_path / name)
    assert (info.samplerate, info.channels) == (24000, 1)
    wanted = {"w": ("WAV", "PCM_16"), "f": ("FLAC", "PCM_16"), "o": ("OGG", "VORBIS")}
    assert (info.format, info.subtype) == wanted[name.split(".")[1][0].lower()]
    back = audio.read(tmp_path / name)
    assert back.shape == wave.shape
    tolerance = 0.03 if info.subtype == "VORBIS" else 0.51 / 32768
    assert np.abs(back - wave).max() < tolerance


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_samples_are_rounded_to_the_nearest(tmp_path: Path, suffix: str) -> None:
    """What is rounded down lies half a step too low, and a quiet pause is no longer one."""
    path = tmp_path / f"quiet{suffix}"
    quiet = np.random.default_rng(0).normal(0, 1e-4, 24_000).astype(np.float32)
    quiet[0] = 0.1
    audio.write(path, quiet)
    gap = (audio.read(path) - quiet) * 32768
    assert np.abs(gap).max() <= 0.501
    assert abs(gap.mean()) < 0.02


def test_rate_is_written(tmp_path: Path) -> None:
    audio.write(tmp_path / "out.wav", tone(1.0, 16000), 16000)
    assert soundfile.info(tmp_path / "out.wav").samplerate == 16000


def test_limited_to_full_scale(tmp_path: Path) -> None:
    audio.write(tmp_path / "out.wav", np.array([0.0, 1.5, -7.0, 1.0, -1.0, 0.5] * 1000), comment="")
    back, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    np.testing.assert_allclose(back[:6], [0, 1, -1, 1, -1, 0.5], atol=1e-4)


def test_long_vorbis_in_one_call(tmp_path: Path) -> None:
    # In a process of its own, for what it guards against is a crash of the interpreter.
    code = (
        "import sys, numpy; from nuanced_speech import audio;"
        "audio.write(sys.argv[1], 0.1 * numpy.sin(0.1 * numpy.arange(24000 * 120)))"
    )
    path = tmp_path / "long.ogg"
    root = ROOT
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, cwd=root)
    assert soundfile.info(path).frames == 24000 * 120


def test_writer_joins_chunks_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    minute = tone(60.0, 24000)
    tracemalloc.start()
    try:
        with audio.AudioWriter(path) as writer:
            for _ in range(10):
                writer.write(minute)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert soundfile.info(path).frames == 10 * len(minute)
    assert peak < 2e6 < 10 * minute.nbytes


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    audio.write(tmp_path / "out.wav", tone(1.0, 24000))
    (tmp_path / "plain").touch()
    mode = stat.S_IMODE((tmp_path / "out.wav").stat().st_mode)
    assert mode == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    audio.write(tmp_path / "link.wav", tone(1.0, 24000))
    assert (tmp_path / "link.wav").is_symlink()
    assert soundfile.info(tmp_path / "real.wav").frames == 24000


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, UserError])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: type, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    audio.write(path, tone(1.0, 24000))
    before = path.read_bytes()
    with pytest.raises(failure), audio.AudioWriter(path) as writer:
        writer.write(tone(5.0, 24000, frequency=100.0))
        assert len(list(tmp_path.iterdir())) == 2
        raise failure
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("wave", [np.zeros((100, 1)), np.full(40000, np.nan), np.full(40000, -np.inf)])
def test_what_is_no_waveform_is_not_written(tmp_path: Path, wave: np.ndarray) -> None:
    with pytest.raises(ValueError):
        audio.write(tmp_path / "out.wav", wave)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", [10, 20_000])
@pytest.mark.parametrize("suffix", audio.OUTPUT_FORMATS)
def test_full_disk_is_told_and_leaves_nothing(tmp_path: Path, suffix: str, missing: int) -> None:
    # A limit on the size of the process's files fails in write() as a full disk does; some encoders notice only if
    # it happens before they close the file.
    code = (
        "import os, resource, signal, sys, numpy\n"
        "from nuanced_speech import audio\n"
        "from nuanced_speech.core import errors\n"
        "path, wave = sys.argv[1], numpy.random.default_rng(0).uniform(-0.5, 0.5, 240_000)\n"
        "audio.write(path, wave)\n"
        "size = os.path.getsize(path) - int(sys.argv[2])\n"
        "os.remove(path)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
        "try: audio.write(path, wave)\n"
        "except errors.UserError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / f"out{suffix}"), str(missing)]
    root = ROOT
    told = subprocess.run(command, check=True, cwd=root, capture_output=True, text=True).stdout
    assert "is the disk full?" in told
    assert list(tmp_path.iterdir()) == []


def unwritable(path: Path) -> str:
    messages = []
    for attempt in (lambda: audio.check_writable(path), lambda: audio.write(path, tone(1.0, 24000))):
        with pytest.raises(UserError) as caught:
            attempt()
        messages.append(str(caught.value))
    assert messages[0] == messages[1] and "\n" not in messages[0] and str(path) in messages[0]
    return messages[0]


@pytest.mark.parametrize("name", ["out.mp4", "out", "out.wav.txt"])
def test_unknown_suffix(tmp_path: Path, name: str) -> None:
    assert ".wav, .flac, .ogg" in unwritable(tmp_path / name)


def test_missing_folder(tmp_path: Path) -> None:
    assert "does not exist" in unwritable(tmp_path / "nowhere" / "out.wav")


def test_output_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out.wav").mkdir()
    assert "is a folder" in unwritable(tmp_path / "out.wav")


def test_folder_that_may_not_be_written() -> None:
    with ordinary_user() as folder:
        folder.chmod(0o500)
        assert "Permission denied" in unwritable(folder / "out.wav")


def test_file_that_may_not_be_written() -> None:
    with ordinary_user() as folder:
        (folder / "out.wav").write_bytes(b"precious")
        (folder / "out.wav").chmod(0o400)
        assert "Permission denied" in unwritable(folder / "out.wav")
        assert (folder / "out.wav").read_bytes() == b"precious"


def test_check_writable_changes_nothing(tmp_path: Path) -> None:
    audio.check_writable(tmp_path / "new.wav")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "old.wav").write_bytes(b"old")
    audio.check_writable(tmp_path / "old.wav")
    assert (tmp_path / "old.wav").read_bytes() == b"old"
