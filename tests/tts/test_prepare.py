"""Recordings to a data set: what is kept and set aside, and that interruptions leave no trace."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import CLIP_WORDS, endless_recording
from tts.sounds import RATE, silence

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.text.word_errors import word_errors
from nuanced_speech.tts import ljspeech
from nuanced_speech.tts.clips import ClipOutcome, PrepareConfig
from nuanced_speech.tts.ljspeech import Row
from nuanced_speech.tts.prepare import check_disk, prepare
from nuanced_speech.tts.split import find_sounds


@pytest.fixture(scope="module")
def recordings(clip: Path, speech: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good and bad recordings, in many formats."""
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "sub").mkdir()
    twice = np.concatenate(
        [silence(3), speech, silence(4), 0.5 * speech, silence(2), speech[: RATE * 2 // 3], silence(1)]
    )
    stereo = audio.resample(twice, RATE, 44100)
    soundfile.write(folder / "long.mp3", np.stack([stereo, 0.5 * stereo], 1), 44100)
    soundfile.write(folder / "sub" / "-ü|x.wav", speech, RATE)
    (folder / "sub" / "-ü|x.txt").write_text(CLIP_WORDS + " 21", encoding="utf-8")
    shared = np.concatenate([speech, silence(1.2), speech, silence(1.2), speech])
    soundfile.write(folder / "shared.flac", audio.resample(shared, RATE, 16000), 16000)
    (folder / "shared.lab").write_text(" ".join([CLIP_WORDS.capitalize() + "."] * 3), encoding="utf-8")
    noise = np.random.default_rng(0).standard_normal(len(speech)).astype(np.float32)
    soundfile.write(folder / "noisy.wav", speech + 0.05 * noise, RATE)
    soundfile.write(folder / "clipped.ogg", np.clip(speech * 30, -1, 1), RATE)
    soundfile.write(folder / "slow.wav", speech, RATE)
    (folder / "slow.txt").write_text("Two words.", encoding="utf-8")
    soundfile.write(folder / "Silent.wav", silence(2), RATE)
    soundfile.write(folder / "silent.flac", silence(2), RATE)
    (folder / "empty.mp3").touch()
    (folder / "corrupt.mp3").write_bytes(np.random.default_rng(1).bytes(5000))
    (folder / "cover.jpg").write_bytes(b"\xff\xd8\xff picture")
    (folder / ".hidden").touch()
    return folder


def configured(source: Path, out: Path, **changes: object) -> PrepareConfig:
    return replace(PrepareConfig(source, out, whisper="tiny.en"), **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def prepared(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared") / "out"
    prepare(configured(recordings, out))
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_all_files_are_kept_or_set_aside(recordings: Path, prepared: Path) -> None:
    with (prepared / "rejected.csv").open(encoding="utf-8", newline="") as file:
        rejected = {row["file"]: row for row in csv.DictReader(file)}
    says = {
        "long.mp3": "too short",
        "noisy.wav": "noisy",
        "clipped.ogg": "clipped",
        "slow.wav": "too slow",
        "Silent.wav": "silent",
        "silent.flac": "silent",
        "empty.mp3": "empty",
        "corrupt.mp3": "unreadable",
        "cover.jpg": "not audio",
    }
    assert set(rejected) == set(says)
    for name, reason in says.items():
        assert reason in rejected[name]["reason"], rejected[name]
    assert float(rejected["long.mp3"]["start"]) > 10 and rejected["empty.mp3"]["start"] == ""
    names = [row.id for row in ljspeech.read(prepared)]
    assert names == ["long-0001", "long-0002", "shared-0001", "shared-0002", "shared-0003", "sub-u-x-0001"]
    assert {path.stem for path in (prepared / "wavs").iterdir()} == set(names)


def test_noise_beside_speech_is_in_no_clip(speech: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    noise = (0.1 * np.random.default_rng(0).standard_normal(RATE * 4)).astype(np.float32)
    soundfile.write(tmp_path / "in" / "noise.wav", noise, RATE)
    soundfile.write(tmp_path / "in" / "both.wav", np.concatenate([noise, silence(1), speech, noise]), RATE)
    outcomes, _ = prepare(configured(tmp_path / "in", tmp_path / "out"))
    both, alone = outcomes
    assert not alone.clips and alone.rejected[0].reason == "silent: no speech found"
    (clip,) = both.clips
    # of four seconds of noise, the gate leaves less than one after a word
    assert clip.start == pytest.approx(5, abs=0.3) and clip.end < 6 + len(speech) / RATE
    assert [row.reason for row in both.rejected] == ["other sound than speech"] * 2
    assert word_errors(CLIP_WORDS, clip.text).wer <= 0.25


def test_clips_are_as_promised(prepared: Path) -> None:
    for row in ljspeech.read(prepared):
        path = ljspeech.wav_path(prepared, row.id)
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16")
        wave, _ = soundfile.read(path, dtype="float32")
        assert len(wave) / RATE == pytest.approx(5.7, abs=0.3)
        assert audio.active_level_db(wave, RATE) == pytest.approx(-23, abs=0.3) or np.abs(wave).max() > 0.88
        found = find_sounds(wave, RATE)
        assert found[0].start == pytest.approx(0.5, abs=0.03)
        assert len(wave) / RATE - found[-1].end == pytest.approx(0.5, abs=0.1)
        assert word_errors(CLIP_WORDS, row.text.removesuffix(" 21")).wer <= 0.25


def test_transcripts_that_are_there_are_kept(prepared: Path) -> None:
    rows = {row.id: row for row in ljspeech.read(prepared)}
    assert rows["sub-u-x-0001"] == Row("sub-u-x-0001", CLIP_WORDS + " 21", CLIP_WORDS + " twenty-one")
    for k in (1, 2, 3):
        assert rows[f"shared-000{k}"].text == CLIP_WORDS.capitalize() + "."


def test_the_report(prepared: Path) -> None:
    figures = json.loads((prepared / "report.json").read_text(encoding="utf-8"))
    assert (figures["files"], figures["files_kept"], figures["clips"], figures["rejected"]) == (11, 3, 6, 9)
    assert figures["minutes"] == pytest.approx(0.6, abs=0.06) and not figures["enough"]
    assert figures["reasons"]["unreadable"] == 5
    phonemes = figures["phonemes"]["en"]
    assert phonemes["counts"]["b"] >= 6 and "ʒ" in phonemes["missing"] and "ˈ" not in phonemes["counts"]
    text = (prepared / "report.md").read_text(encoding="utf-8")
    assert "A voice needs 30 minutes" in text and "Missing: " in text
    assert (prepared / "report.png").read_bytes().startswith(b"\x89PNG")


def test_once_more_does_nothing(recordings: Path, prepared: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in prepared.rglob("*") if path.name != "settings.json"}
    outcomes, done = prepare(configured(recordings, prepared))
    assert done == 0 and sum(len(outcome.clips) for outcome in outcomes) == 6
    after = {path: path.stat().st_mtime_ns for path in prepared.rglob("*") if path.name != "settings.json"}
    files = [path for path in before if path.is_file()]
    assert set(before) == set(after) and all(before[path] == after[path] for path in files)


@pytest.mark.slow
def test_an_interrupted_run_ends_in_the_same(recordings: Path, prepared: Path, tmp_path: Path) -> None:
    left = 0

    def interrupt(share: float) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    for left in (2, 4):  # noqa: B007
        with pytest.raises(KeyboardInterrupt):
            prepare(configured(recordings, out), interrupt)
        assert not (out / "metadata.csv").exists()
    (out / "wavs" / ".nuanced-speech-1234.wav").write_bytes(b"what a killed run was writing")
    shares: list[float] = []
    _, done = prepare(configured(recordings, out), shares.append)
    assert 0 < done < 11 and np.all(np.diff(shares) > -1e-9) and shares[-1] == pytest.approx(1)
    assert contents(out) == contents(prepared)


@pytest.mark.slow
def test_changes_are_followed_and_processes_do_not_matter(clip: Path, tmp_path: Path) -> None:
    """Without Whisper: all transcripts are there."""
    source, out = tmp_path / "in", tmp_path / "in" / "out"
    source.mkdir()
    for name in ("a", "b"):
        (source / f"{name}.flac").write_bytes(clip.read_bytes())
        (source / f"{name}.txt").write_text(CLIP_WORDS, encoding="utf-8")
    (source / "empty.wav").touch()
    config = configured(source, out, workers=2, language="en")
    prepare(config)
    first = contents(out)
    assert {"wavs/a-0001.wav", "wavs/b-0001.wav"} <= set(first)
    (source / "a.txt").write_text(CLIP_WORDS + " indeed", encoding="utf-8")
    (source / "b.flac").rename(source / "c.flac")
    (source / "b.txt").rename(source / "c.txt")
    _, done = prepare(replace(config, workers=1))
    assert done == 2
    assert [row.id for row in ljspeech.read(out)] == ["a-0001", "c-0001"]
    assert ljspeech.read(out)[0].text.endswith("indeed")
    assert not (out / "wavs" / "b-0001.wav").exists()
    (out / "wavs" / "a-0001.wav").unlink()
    (source / "a.txt").write_text(CLIP_WORDS, encoding="utf-8")
    (source / "c.flac").rename(source / "b.flac")
    (source / "c.txt").rename(source / "b.txt")
    prepare(replace(config, workers=1))
    assert contents(out) == first


def test_damaged_states_are_done_again(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for text in ("", "{", "[]", '{"file": "a"}', '{"clips": [1], "rejected": []}'):
        path.write_text(text)
        assert ClipOutcome.load(path) is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere", "out"], "no such folder"),
        (["in", "in"], "folder of its own"),
        (["in", "out", "--whisper", "enormous"], "enormous"),
        (["in", "out", "--language", "xx"], "xx"),
        (["in", "out", "--whisper", "tiny.en", "--language", "fr"], "English only"),
        (["in", "out", "--max-seconds", "2"], "leave no room"),
        (["in", "out", "--max-seconds", "60"], "at most 28"),
        (["bare", "out"], "no files"),
        (["in", "other"], "another data set"),
        (["in", "in/empty.wav"], "cannot make"),
    ],
)
def test_mistakes(arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    for name in ("in", "bare", "other/wavs"):
        Path(name).mkdir(parents=True)
    Path("in/empty.wav").touch()
    status, _, said = run("tts", "prepare", *arguments)
    assert status == 1 and says in said and said.startswith("error: ") and said.count("\n") == 1
    assert not Path("out").exists() and os.listdir("other") == ["wavs"]


def test_other_settings_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("in/empty.wav").touch()
    for extra, says in (([], "1 of 1 files"), ([], "nothing to do"), (["--pad", "0.3"], "pad was 0.5, now 0.3")):
        status, _, said = run("tts", "prepare", "in", "out", *extra)
        assert bool(status) == bool(extra) and says in said


def test_a_disk_without_room_is_told_before_the_work(tmp_path: Path) -> None:
    recording = endless_recording(tmp_path / "big.w64")
    (tmp_path / "out").mkdir()
    check_disk(PrepareConfig(tmp_path, tmp_path / "out"), [])
    with pytest.raises(UserError, match=r"out: about \d+\.\d GB are needed, and"):
        check_disk(PrepareConfig(tmp_path, tmp_path / "out"), [recording])
