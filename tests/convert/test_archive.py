"""Archives: every input accounted for, nothing done twice, shares that are the whole together."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nuanced_speech import audio
from nuanced_speech.convert import manifest as manifests
from nuanced_speech.convert.archive import ArchiveOutcome, attempt, convert_archive, digest_of, jobs_of
from nuanced_speech.convert.converter import Conversion
from nuanced_speech.convert.manifest import DONE, FAILED, PENDING, Entry, Manifest
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.convert.shard import Shard
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.jobs import Spread


def tone(path: Path, seconds: float = 0.5, hertz: float = 200) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * 16000)) / 16000), 16000)


def softer(source, options=None, *, output=None, progress=None) -> Conversion:
    """A conversion that needs no model: the same at half the level."""
    wave = audio.read(source)
    audio.write(output, wave / 2)
    return Conversion(np.zeros(0, np.float32), wave, "direct", {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings in two folders, a hidden one and a text."""
    folder = tmp_path / "in"
    for name in ("a.wav", "deep/er/b.flac", "deep/c.wav", "deep/._c.wav"):
        tone(folder / name)
    (folder / "notes.txt").write_text("no recording")
    return folder


def run(folder: Path, out: Path, convert=softer, digest: str = "x", shard: Shard | None = None) -> list[ArchiveOutcome]:
    jobs = jobs_of(folder, out, ".flac", shard)
    return [*convert_archive(convert, jobs, out, ConversionOptions(), digest, shard)]


def made(outcomes: list[ArchiveOutcome]) -> list[str]:
    return [outcome.job.name for outcome in outcomes if outcome.conversion is not None]


def test_sub_folders_are_mirrored_and_all_is_noted(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert made(run(folder, out)) == ["a.wav", "deep/c.wav", "deep/er/b.flac"]
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert written == {"a.flac", "deep/c.flac", "deep/er/b.flac", "manifest.jsonl"}
    entries = manifests.read(out)
    assert {entry.state for entry in entries.values()} == {DONE} and len(entries) == 3
    assert entries["deep/c.wav"].output == "deep/c.flac" and entries["deep/c.wav"].seconds == 0.5


def test_a_second_run_does_only_what_is_new_changed_or_failed(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (folder / "bad.wav").write_text("no audio")
    first = run(folder, out)
    assert [o.job.name for o in first if o.entry.state == FAILED] == ["bad.wav"]
    assert "not audio" in manifests.read(out)["bad.wav"].reason and not (out / "bad.flac").exists()
    tone(folder / "bad.wav")
    assert made(run(folder, out)) == ["bad.wav"]
    assert made(run(folder, out)) == []
    os.utime(folder / "a.wav", (1, 1))  # a copy, with the same content
    assert made(run(folder, out)) == []
    tone(folder / "a.wav", hertz=300)
    (out / "deep/c.flac").unlink()
    assert made(run(folder, out)) == ["a.wav", "deep/c.wav"]
    assert len(made(run(folder, out, digest="other options"))) == 4


def test_one_bad_file_fails_alone_whatever_is_raised(folder: Path, tmp_path: Path) -> None:
    def stumbling(source, *arguments, **options):
        if Path(source).name == "c.wav":
            raise ZeroDivisionError("of two\nlines")
        return softer(source, *arguments, **options)

    outcomes = run(folder, tmp_path / "out", stumbling)
    assert made(outcomes) == ["a.wav", "deep/er/b.flac"]
    assert manifests.read(tmp_path / "out")["deep/c.wav"].reason == "ZeroDivisionError: of two"


def test_what_a_kill_leaves_is_read_and_gone_on_with(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def killed(source, *arguments, **options):
        if Path(source).name == "c.wav":
            raise KeyboardInterrupt
        return softer(source, *arguments, **options)

    with pytest.raises(KeyboardInterrupt):
        run(folder, out, killed)
    assert {n: e.state for n, e in manifests.read(out).items()} == {
        "a.wav": DONE, "deep/c.wav": PENDING, "deep/er/b.flac": PENDING,
    }  # fmt: skip
    with (out / "manifest.jsonl").open("a") as file:
        file.write('{"input": "deep/c.wav", "sta')  # cut off in the middle of a line
    assert made(run(folder, out)) == ["deep/c.wav", "deep/er/b.flac"]
    assert {entry.state for entry in manifests.read(out).values()} == {DONE}
    assert len(made(run(folder, out))) == 0


def test_shares_are_the_whole_and_know_of_each_other(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    tone(folder / "0.wav")
    for number in range(1, 20):
        shutil.copy(folder / "0.wav", folder / f"{number}.wav")
    shares = [{job.name for job in jobs_of(folder, out, shard=Shard(index, 3))} for index in (1, 2, 3)]
    assert sum(map(len, shares)) == 20 and len(set.union(*shares)) == 20 and min(map(len, shares)) > 2
    (folder / "7.wav").unlink()  # the others stay where they are
    assert {job.name for job in jobs_of(folder, out, shard=Shard(2, 3))} == shares[1] - {"7.wav"}
    for index in (1, 2, 3):
        assert made(run(folder, out, shard=Shard(index, 3)))
    assert made(run(folder, out)) == [] and len(list(out.glob("manifest-*-of-3.jsonl"))) == 3


def test_names_that_differ_in_their_suffix_keep_it(folder: Path, tmp_path: Path) -> None:
    tone(folder / "a.flac")
    outputs = {job.name: job.output.name for job in jobs_of(folder, tmp_path / "out")}
    assert outputs["a.wav"] == "a.wav.wav" and outputs["a.flac"] == "a.flac.wav" and outputs["deep/c.wav"] == "c.wav"


def test_outputs_are_no_inputs(folder: Path) -> None:
    run(folder, folder / "out")
    assert len(jobs_of(folder, folder / "out")) == 3
    with pytest.raises(UserError, match="input itself"):
        jobs_of(folder, folder)
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match="no recordings"):
        jobs_of(folder / "empty", folder / "out")


def test_two_processes_do_not_share_a_manifest(tmp_path: Path) -> None:
    with Manifest(tmp_path), pytest.raises(UserError, match="in use"), Manifest(tmp_path):
        pass
    with Manifest(tmp_path, Shard(1, 2)), Manifest(tmp_path, Shard(2, 2)) as other:
        other.add(Entry("a", "b"))


def test_a_manifest_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_text(json.dumps({"colour": "red"}) + "\n")
    with pytest.raises(UserError, match="not a manifest"):
        Manifest(tmp_path)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/999999999", "-1/2"])
def test_impossible_shares_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="shard: "):
        Shard.parse(text)


def test_options_are_told_apart_by_content(tmp_path: Path, clip: Path) -> None:
    plain = digest_of(ConversionOptions(), whisper="base")
    assert plain == digest_of(ConversionOptions(), whisper="base")
    copied = shutil.copy(clip, tmp_path / "copy.flac")
    others = [
        digest_of(ConversionOptions(), whisper="small"),
        digest_of(ConversionOptions(seed=1), whisper="base"),
        digest_of(ConversionOptions(voice="af_heart"), whisper="base"),
        digest_of(ConversionOptions(voice="af_bella"), whisper="base"),
        digest_of(ConversionOptions(voice=str(clip)), whisper="base"),
        digest_of(ConversionOptions(more=(clip,)), whisper="base"),
    ]
    assert len({plain, *others}) == 7
    assert digest_of(ConversionOptions(voice=copied), whisper="base") == others[4]


def test_a_manifest_with_something_else_in_it_is_refused_in_one_line(tmp_path: Path) -> None:
    for line in ('{"input": "a.wav", "output": 5}', '{"input": ["a"], "output": "b"}', "[" * 100_000):
        (tmp_path / "manifest.jsonl").write_text(line)
        with pytest.raises(UserError, match="not a manifest, or damaged"):
            manifests.read(tmp_path)


def test_several_recordings_at_the_same_time_are_accounted_for_like_one(folder: Path, tmp_path: Path) -> None:
    (folder / "bad.wav").write_text("no audio")
    both, done, shares = threading.Barrier(2, timeout=20), [], []

    def convert(source, options=None, *, output=None, progress=None) -> Conversion:
        both.wait()
        progress(0.5)
        return softer(source, options, output=output)

    jobs, out = jobs_of(folder, tmp_path / "out"), tmp_path / "out"
    for outcome in convert_archive(convert, jobs, out, ConversionOptions(), "x", None, shares.append, Spread(2)):
        # noted before it is told
        assert manifests.read(out)[outcome.job.name] == outcome.entry
        done.append(outcome.job.name)
    assert sorted(done) == ["a.wav", "bad.wav", "deep/c.wav", "deep/er/b.flac"] and set(shares) <= {0.5, 1.0}
    assert {n: e.state for n, e in manifests.read(out).items()} == dict.fromkeys(done, DONE) | {"bad.wav": FAILED}
    assert (out / "deep/c.wav").read_bytes() == (run_alone(folder, tmp_path) / "deep/c.wav").read_bytes()
    assert made([*convert_archive(softer, jobs, out, ConversionOptions(), "x", spread=Spread(2))]) == []


def run_alone(folder: Path, tmp_path: Path) -> Path:
    """The folder of outputs of one recording after the other."""
    jobs = jobs_of(folder, tmp_path / "alone")
    assert len([*convert_archive(softer, jobs, tmp_path / "alone", ConversionOptions(), "x")]) == len(jobs)
    return tmp_path / "alone"


def test_ctrl_c_breaks_all_off_that_is_under_way(folder: Path, tmp_path: Path) -> None:
    begun, ended = threading.Barrier(2, timeout=20), threading.Event()

    def convert(source, options=None, *, output=None, progress=None) -> Conversion:
        begun.wait()
        if Path(source).name == "a.wav":
            raise KeyboardInterrupt
        try:
            while True:
                progress(0.1)
        finally:
            ended.set()

    jobs, out = jobs_of(folder, tmp_path / "out"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        [*convert_archive(convert, jobs, out, ConversionOptions(), "x", spread=Spread(2))]
    assert ended.is_set() and {entry.state for entry in manifests.read(out).values()} == {PENDING}


def test_what_is_finished_is_noted_where_nobody_asks_for_more(folder: Path, tmp_path: Path) -> None:
    both, out = threading.Barrier(2, timeout=20), tmp_path / "out"

    def convert(source, options=None, *, output=None, progress=None) -> Conversion:
        both.wait()
        return softer(source, options, output=output)

    outcomes = convert_archive(convert, jobs_of(folder, out), out, ConversionOptions(), "x", spread=Spread(2))
    next(outcomes)
    outcomes.close()
    assert sorted(entry.state for entry in manifests.read(out).values()) == [DONE, DONE, PENDING]


def test_the_end_of_the_program_is_no_failed_recording() -> None:
    """A compiled module that is told to end while it is imported raises an ImportError of it."""

    def ended(ending: BaseException) -> Entry:
        try:
            raise ending
        except BaseException as error:
            raise ImportError("initialization failed") from error

    for ending in (KeyboardInterrupt(), SystemExit(143)):
        with pytest.raises(type(ending)):
            attempt(lambda ending=ending: ended(ending), Entry("a.wav", "a.wav"))
    assert attempt(lambda: ended(ValueError("no")), Entry("a.wav", "a.wav")).state == FAILED
