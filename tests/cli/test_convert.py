"""The command line: one line for every mistake, nothing lost, nothing half-written."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from helpers import endless_recording

from nuanced_speech import audio
from nuanced_speech.cli import app as cli
from nuanced_speech.cli.archive import ArchiveEngine
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.jobs import ALONE, spread_of
from nuanced_speech.models import bank
from nuanced_speech.models.bank import ModelBank


def tone(seconds: float, rate: int = 16000) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 200 * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture
def bad(tmp_path: Path) -> dict[str, Path]:
    """A file for every way in which a recording can be no recording."""
    paths = {name: tmp_path / f"{name}.wav" for name in ("missing", "words", "empty", "short", "silent", "nan")}
    paths["words"].write_text("this is not audio")
    paths["empty"].write_bytes(b"")
    soundfile.write(paths["short"], tone(0.05), 16000)
    soundfile.write(paths["silent"], np.zeros(16000, np.float32), 16000)
    wave = tone(1)
    wave[100] = np.nan
    soundfile.write(paths["nan"], wave, 16000, subtype="FLOAT")
    return paths


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing", "does not exist"),
        ("words", "not audio"),
        ("empty", "empty"),
        ("short", "50 ms|0.05"),
        ("nan", "NaN|finite|not a number"),
    ],
)
def test_bad_recordings(bad, tmp_path, name, says, run):
    import re

    out = tmp_path / "out.wav"
    out.write_bytes(b"what was there before")
    status, _, err = run("convert", bad[name], out)
    assert status == 1
    assert err.startswith("error: ") and err.count("\n") == 1
    assert re.search(says, err, re.IGNORECASE), err
    assert out.read_bytes() == b"what was there before"
    assert not list(tmp_path.glob("*.partial")) and len(list(tmp_path.iterdir())) == len(bad)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["out.xyz"], "xyz"),
        (["nowhere/out.wav"], "nowhere"),
        (["out.wav", "--voice", "af_hart"], "unknown voice"),
        (["out.wav", "--voice", "af_heart:-1"], "weight"),
        (["out.wav", "--keep", "tone"], "tone"),
        (["out.wav", "--path", "sideways"], "sideways"),
        (["out.wav", "--path", "direct", "--text", "hello"], "text path"),
        (["out.wav", "--text", ""], "empty"),
        (["out.wav", "--whisper", "enormous"], "enormous"),
        (["out.wav", "--device", "abacus"], "abacus"),
        (["out.wav", "--pitch-shift", "1000"], "pitch-shift"),
        (["out.wav", "--more", "nothing.wav"], "nothing.wav"),
        (["out.wav", "--more", "nothing.wav", "--voice", "af_heart"], "--more"),
    ],
)
def test_bad_wishes(tmp_path, arguments, says, run):
    source = tmp_path / "in.wav"
    soundfile.write(source, tone(1), 16000)
    name, *options = arguments
    status, _, err = run("convert", source, tmp_path / name, *options)
    assert status == 1
    assert err.startswith("error: ") and says in err
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


def test_corrupt_voice_pack(tmp_path, run):
    source, pack = tmp_path / "in.wav", tmp_path / "voice.pt"
    soundfile.write(source, tone(1), 16000)
    pack.write_bytes(b"\x80\x02garbage")
    status, _, err = run("convert", source, tmp_path / "out.wav", "--voice", pack)
    assert status == 1
    assert "voice.pt" in err and "not a voice pack" in err
    assert not (tmp_path / "out.wav").exists()


def test_output_that_is_the_input(tmp_path, run):
    source = tmp_path / "in.wav"
    soundfile.write(source, tone(1), 16000)
    before = source.read_bytes()
    status, _, err = run("convert", source, source)
    assert status == 1 and "is read or written besides" in err
    assert source.read_bytes() == before


def test_several_recordings_need_a_folder(tmp_path, run):
    status, _, err = run("convert", "a.wav", "b.wav", "c.wav")
    assert status == 1 and "folder" in err
    status, _, err = run("convert", "x/a.wav", "y/a.wav", tmp_path)
    assert status == 1 and "overwrite" in err


@pytest.fixture
def loaded_bank(converter: Converter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command takes the models that are loaded already."""

    def loaded(device: str, whisper: str) -> ModelBank:
        assert whisper == "tiny.en"
        return converter.models

    monkeypatch.setattr(bank, "ModelBank", loaded)


@pytest.mark.slow
def test_convert_writes_audio_report_and_picture(clip, tmp_path, run, loaded_bank):
    out, folder = tmp_path / "out.flac", tmp_path / "report"
    options = ["--voice", "af_heart", "--decoder", "fast", "--whisper", "tiny.en", "--report", folder]
    status, _, err = run("convert", clip, out, *options)
    assert status == 0, err
    assert soundfile.info(out).samplerate == 24000
    figures = json.loads((folder / "out.json").read_text())
    assert figures["wer"] <= 0.25 and figures["f0_correlation"] > 0.8 and figures["rtf"] > 0
    assert figures["overlaps"] == []
    assert (folder / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_dictionary_counts_for_new_words(clip, tmp_path, run, loaded_bank):
    words, short = tmp_path / "words.tsv", tmp_path / "short.wav"
    words.write_text("Nguyen\twind\n", encoding="utf-8")
    audio.write(short, audio.read(clip)[: audio.SAMPLE_RATE])
    outputs = []
    for text, dictionary in (("Nguyen blew.", words), ("wind blew.", None)):
        out = tmp_path / f"{len(outputs)}.wav"
        options = ["--text", text, "--decoder", "fast", "--whisper", "tiny.en"]
        status, _, err = run("convert", short, out, *options, *(["--dictionary", dictionary] if dictionary else []))
        assert status == 0, err
        outputs.append(audio.read(out))
    assert np.array_equal(*outputs)


def test_a_recording_without_speech_becomes_silence(bad, tmp_path, run, caplog):
    out = tmp_path / "out.wav"
    status, _, err = run("convert", bad["silent"], out)
    assert status == 0 and "error" not in err
    assert [r.getMessage() for r in caplog.records] == [f"there is no speech in {bad['silent']}: the output is silent"]
    wave, rate = soundfile.read(out)
    assert rate == 24000 and len(wave) == 24000 and not wave.any()


def test_a_recording_without_speech_is_refused_when_strict(bad, tmp_path, run):
    out = tmp_path / "out.wav"
    out.write_bytes(b"what was there before")
    soundfile.write(bad["silent"], tone(3), 16000)
    status, _, err = run("convert", bad["silent"], out, "--strict")
    assert status == 3
    assert err.startswith("error: ") and err.count("\n") == 1 and "no speech" in err
    assert out.read_bytes() == b"what was there before"


@pytest.mark.parametrize(("other", "status"), [("silence", 3), ("words", 1)])
@pytest.mark.parametrize("folder", [True, False])
def test_several_without_speech_are_refused_with_status_3_if_that_alone_is_wrong(tmp_path, run, folder, other, status):
    sources = tmp_path / "in"
    sources.mkdir()
    soundfile.write(sources / "one.wav", np.zeros(16000), 16000)
    (sources / "two.wav").write_text("no audio")
    if other == "silence":
        soundfile.write(sources / "two.wav", np.zeros(9000), 16000)
    given = [sources] if folder else sorted(sources.iterdir())
    ended = run("convert", *given, tmp_path / "out", "--strict")
    assert ended.status == status and "2 of 2 recordings were not converted" in ended.err


@pytest.mark.slow
def test_one_bad_recording_does_not_cost_the_others(clip, bad, tmp_path, run, loaded_bank):
    folder, short = tmp_path / "converted", tmp_path / "good.wav"
    wave, rate = soundfile.read(clip)
    soundfile.write(short, wave[: 2 * rate], rate)
    status, _, err = run(
        "convert", bad["nan"], short, folder, "--more", short, "--whisper", "tiny.en", "--decoder", "fast"
    )
    assert status == 1 and "1 of 2" in err
    assert [p.name for p in folder.iterdir()] == ["good.wav"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["in.wav", "out", "--format", "midi"], "--format: 'midi'"),
        (["in.wav", "out.flac", "--format", "wav"], "--format: "),
        (["in.wav", "out.wav", "--shard", "1/2"], "--shard: only a folder"),
        (["folder", "out", "--shard", "3/2"], "--shard: there is no share 3 of 2"),
        (["folder", "out", "--jobs", "0"], "--jobs: 0 is not possible"),
        (["folder", "out", "--batch-seconds", "-1"], "--batch-seconds: -1 is not possible"),
        (["in.wav", "out.wav", "--jobs", "0"], "--jobs: 0 is not possible"),
        (["in.wav", "out.wav", "--device", "gpu"], "device 'gpu' is not usable"),
        (["folder", "in.wav"], "is a folder"),
        (["folder", "folder"], "input itself"),
        (["folder", "out", "--report", "r"], "--report"),
        (["empty", "out"], "no recordings"),
        (["in.wav", "-", "out"], "alone"),
        (["in.wav", "out.wav", "--voice", "af_hart"], "unknown voice"),
        (["in.wav", "out.wav", "--voice", "nobody.wav"], "nobody.wav does not exist"),
        (["in.wav", "out.wav", "--more", "nothing.wav"], "nothing.wav does not exist"),
        (["nowhere.wav", "out.wav"], "nowhere.wav does not exist"),
        (["in.wav", "other.wav", "-"], "standard output (-)"),
    ],
)
def test_impossible_work_is_refused_before_any_model(tmp_path, monkeypatch, arguments, says, run):
    monkeypatch.chdir(tmp_path)
    for name in ("in.wav", "folder/a.wav", "empty/text.txt", "other.wav"):
        Path(name).parent.mkdir(exist_ok=True)
        soundfile.write(name, tone(1), 16000, format="WAV")
    monkeypatch.setattr(bank, "ModelBank", None)
    status, _, err = run("convert", *arguments)
    assert status == 1 and err.startswith("error: ") and err.count("\n") == 1 and says in err, err


def test_one_recording_is_made_in_batches_on_a_gpu_unless_it_is_to_be_one_by_one(tmp_path: Path) -> None:
    assert ArchiveEngine().within(None, "cuda") == spread_of("cuda") != ALONE
    for engine in (ArchiveEngine(jobs=1), ArchiveEngine(batch_seconds=0.0)):
        engine.check(None)
        assert engine.within(None, "cuda") == ALONE
    assert ArchiveEngine().within(tmp_path, "cuda") == ArchiveEngine().within(None, "cpu") == ALONE


@pytest.mark.slow
def test_a_folder_is_converted_once(clip, bad, tmp_path, run, loaded_bank):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    wave, rate = soundfile.read(clip)
    soundfile.write(folder / "deep" / "good.wav", wave[: 2 * rate], rate)
    bad["silent"].rename(folder / "silent.wav")
    options = (
        "--format", "flac", "--path", "direct", "--whisper", "tiny.en", "--decoder", "fast", "--strict", "--jobs", "2",
    )  # fmt: skip
    command = ("convert", folder, out, *options)
    status, _, err = run(*command)
    assert status == 3 and "1 of 2" in err and "no speech in" in err
    good = out / "deep" / "good.flac"
    assert soundfile.info(good).frames == 2 * 24000
    before = good.stat().st_mtime_ns
    status, _, err = run(*command)
    assert status == 3 and "0 converted, 1 done before, 1 failed" in err and good.stat().st_mtime_ns == before


def test_help_lists_every_command_in_order(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["nuanced-speech", "--help"])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().out
    places = [said.index(f"│ {command} ") for command in cli.COMMANDS]
    assert places == sorted(places) and len(cli.COMMANDS) == len(typer.main.get_command(cli.make_app()).commands)


def test_help_explains_convert(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["nuanced-speech", "convert", "--help"])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().out
    for option in ("--voice", "--keep", "--path", "--text", "--report", "--seed", "--pitch-shift"):
        assert option in said


@pytest.mark.parametrize("arguments", [["in/big.wav", "out.wav"], ["in/big.wav", "out.mp3", "--resume"], ["in", "out"]])
def test_a_disk_without_room_is_told_before_anything_is_loaded(arguments, tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    endless_recording(tmp_path / "in" / "big.wav")
    soundfile.write(tmp_path / "in" / "small.wav", tone(1), 16000)
    status, _, err = run("convert", *arguments)
    assert status == 1 and err.count("\n") == 1 and " GB are needed, and " in err, err
    assert not (tmp_path / "out.wav").exists() and not [*(tmp_path).glob("out/*")]
