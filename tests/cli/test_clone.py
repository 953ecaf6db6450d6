"""Making voices on the command line: consent, names, nothing overwritten, the mark and its detection."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import broken_cache

from nuanced_speech import audio
from nuanced_speech.cli import clone as clone_cli
from nuanced_speech.voice.stock import stock_voices
from nuanced_speech.voice.voice import Provenance, Voice


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["clone", "a.wav", "--name", "me"], "--i-have-consent"),
        (["clone", "a.wav", "--name", "me", "--i-have-consent", " "], "--i-have-consent is empty"),
        (["clone", "a.wav", "--name", "me", "--i-have-consent", "yes"], "does not exist"),
        (["clone", "a.wav", "--name", "m e", "--i-have-consent", "yes"], "cannot be a voice's name"),
        (["clone", "a.wav", "--name", "me", "--i-have-consent", "yes", "--device", "abacus"], "abacus"),
        (["clone", "a.wav", "--name", "me", "--i-have-consent", "yes", "--whisper", "huge"], "huge"),
        (
            ["clone", "a.wav", "--name", "me", "--i-have-consent", "yes", "--decoder", "a.safetensors"],
            "by --refine alone",
        ),
        (
            [
                "clone",
                "a.wav",
                "--name",
                "me",
                "--i-have-consent",
                "yes",
                "--refine",
                "3",
                "--decoder",
                "a.safetensors",
            ],
            "a.safetensors",
        ),
        (["mix", "--name", "x"], "either an expression, or both"),
        (["mix", "af_sky", "--timbre", "af_sky", "--prosody", "af_sky", "--name", "x"], "either an expression"),
        (["mix", "--timbre", "af_sky", "--name", "x"], "either an expression, or both"),
        (["mix", "af_sky - 2*af_sky", "--name", "x"], "sum to -1"),
        (["mix", "af_sky + *", "--name", "x"], "character 10"),
        (["mix", "af_sky + (nobody - af_sky)", "--name", "x"], "unknown voice 'nobody'"),
        (["mix", "af_sky", "--name", "af_bella"], "stock voice"),
        (["detect", "a.wav"], "does not exist"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(tmp_path, arguments, says, run) -> None:  # type: ignore[no-untyped-def]
    status, _, err = run(*arguments)
    assert status == 1 and err.startswith("error: ") and err.count("\n") == 1 and says in err
    assert not list(tmp_path.iterdir())


def test_a_report_is_not_overwritten(tmp_path, run) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "me-report.wav").write_bytes(b"mine")
    options = ["--name", "me", "--report", ".", "--i-have-consent", "yes"]
    status, _, err = run("clone", "a.wav", *options)
    assert status == 1 and "me-report.wav is there already" in err
    assert (tmp_path / "me-report.wav").read_bytes() == b"mine" and len(list(tmp_path.iterdir())) == 1


def test_a_yes_on_the_terminal_is_consent(monkeypatch, run) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for answer, says in (("no", "no voice is made without"), ("yes", "does not exist")):
        monkeypatch.setattr(clone_cli.console, "input", lambda _prompt, answer=answer: answer)
        status, _, err = run("clone", "a.wav", "--name", "me")
        assert status == 1 and says in err


def test_mixes_are_written_once(run) -> None:  # type: ignore[no-untyped-def]
    assert run("mix", "af_heart:0.6,bm_george:0.4", "--name", "blend")[0] == 0
    status, _, err = run("mix", "af_heart", "--name", "blend")
    assert status == 1 and "--force" in err
    heart, george = stock_voices()["af_heart"], stock_voices()["bm_george"]
    assert np.allclose(Voice.load("blend").pack, 0.6 * heart + 0.4 * george, atol=1e-6)
    assert run("mix", "af_heart + 9*(blend - bm_george)", "--name", "blend", "--force")[0] == 0
    near = Voice.load("blend").pack
    again = ["mix", "af_heart + 9*(0.6*af_heart - 0.6*bm_george)", "--name", "far", "--no-prior"]
    assert run(*again)[0] == 0
    assert (Voice.load("far").pack - heart).norm() > 1.5 * (near - heart).norm()
    assert run("mix", "--timbre", "af_sky", "--prosody", "blend", "--name", "both")[0] == 0
    both = Voice.load("both").pack
    assert np.allclose(both[:, :128], stock_voices()["af_sky"][:, :128]) and np.allclose(both[:, 128:], near[:, 128:])


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_the_mark_is_written_and_found(suffix, run) -> None:  # type: ignore[no-untyped-def]
    wave = 0.1 * np.sin(np.arange(24000) / 20).astype(np.float32)
    comment = f"{audio.SYNTHETIC}; voice: größe (clone)"
    with audio.AudioWriter(f"spoken{suffix}", comment=comment) as writer:
        writer.write(wave[:10000])
        writer.write(wave[10000:])
    audio.write(f"usual{suffix}", wave)
    audio.write(f"real{suffix}", wave, comment="")
    assert audio.synthetic_mark(f"spoken{suffix}") == comment
    assert len(audio.read(f"spoken{suffix}")) == len(wave)
    status, out, _ = run("detect", f"spoken{suffix}", f"usual{suffix}", f"real{suffix}")
    assert status == 0
    assert out.splitlines() == [
        f"spoken{suffix}: {comment}", f"usual{suffix}: {audio.SYNTHETIC}", f"real{suffix}: no mark",
    ]  # fmt: skip
    assert run("detect", f"real{suffix}")[0] == 2
    # one that cannot be read does not hide the others
    status, out, err = run("detect", "nowhere.wav", f"spoken{suffix}", "nothing.wav")
    assert status == 1 and out.splitlines() == [f"spoken{suffix}: {comment}"]
    assert err.count("error: ") == 2 and "nothing.wav does not exist" in err
    # another program's comment is no mark
    with soundfile.SoundFile(f"other{suffix}", "w", 24000, 1, format=suffix[1:].upper()) as file:
        file.comment = "holiday"
        file.write(wave)
    assert audio.synthetic_mark(f"other{suffix}") is None


@pytest.mark.slow
def test_conversion_marks_what_it_writes(clip, quick) -> None:  # type: ignore[no-untyped-def]
    Voice("me", Voice.load("af_sky").pack, Provenance("clone", consent="yes")).save()
    wave = audio.read(clip)[12000:24000]
    for name, voice, mark in (("own.wav", None, "of the source"), ("me.flac", "me", "me"), ("clip.ogg", clip, "of a")):
        quick.convert(wave, sample_rate=24000, voice=voice, path="direct", output=name)
        assert (audio.synthetic_mark(name) or "").startswith(f"{audio.SYNTHETIC}; voice: {mark}")
    quick.convert(wave, sample_rate=24000, voice=Voice.load("af_bella"), path="direct").save("bella.wav")
    assert audio.synthetic_mark("bella.wav") == f"{audio.SYNTHETIC}; voice: af_bella (stock)"


@pytest.mark.parametrize("command", [["clone", "a.wav", "--i-have-consent", "yes"], ["describe", "old man"]])
def test_a_folder_that_cannot_be_written_is_told_before_the_work(command, tmp_path, run) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "a.wav").write_text("not looked at")
    (tmp_path / "file").touch()
    (tmp_path / "out" / "me.npz").mkdir(parents=True)
    reports = [["--report", "file/x"]] if command[0] == "clone" else []
    for options in (["--out", "file/x"], ["--out", "out", "--force"], *reports):
        status, _, err = run(*command, "--name", "me", *options)
        assert status == 1 and err.count("\n") == 1, err
        assert "cannot make this folder" in err or "me.npz is a folder" in err, err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "file", "out"]


@pytest.mark.parametrize("command", [["clone", "a.wav", "--i-have-consent", "yes"], ["describe", "old man"]])
def test_weights_that_are_not_there_are_told_before_the_work(command, tmp_path, run, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    broken_cache(tmp_path / "cache")
    monkeypatch.setenv("NUANCED_SPEECH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "a.wav").write_text("not looked at")
    status, _, err = run(*command, "--name", "me")
    assert status == 1 and "kokoro.safetensors" in err and err.count("\n") == 1, err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "cache"]
