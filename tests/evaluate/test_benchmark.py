"""The benchmark: what it is run on, what it converts into what, and its tables, on results that are known."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers import CLIP, OTHER_SPEAKER

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.evaluate import metrics, summary, systems, tables
from nuanced_speech.evaluate.benchmark import BenchmarkConfig, run
from nuanced_speech.evaluate.judge import Result
from nuanced_speech.evaluate.quality import Quality, quality
from nuanced_speech.evaluate.recordings import EvaluationRecording, find_recordings
from nuanced_speech.evaluate.trials import Trial, trials
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.voice.stock import voice_pack


def result(system: str = "direct", target: str | None = None, **changes: object) -> Result:
    values = dict.fromkeys(Result.__annotations__, 0.0) | {
        "system": system, "recording": "a/1.flac", "speaker": "a", "target": target, "transcript": "",
        "wrong_words": 1, "words": 10, "source_seconds": 4.0, "processing_seconds": 2.0, "sig": None, "bak": None,
        "ovrl": None, "p808": None, "distill_mos": None, "secs": 0.8, "second": 0.9, "stranger": 0.5,
    }  # fmt: skip
    return Result(**values | changes)  # type: ignore[arg-type]


def test_recordings_by_folder_and_by_name(tmp_path: Path) -> None:
    for name in ("anna/1.flac", "anna/deep/2.WAV", "bert-1.ogg", "bert-2.flac", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "transcripts.tsv").write_text('path\ttext\nanna/1.flac\t"hello" there\n', encoding="utf-8")
    found = find_recordings(tmp_path)
    assert {name: [r.path.name for r in recordings] for name, recordings in found.items()} == {
        "anna": ["1.flac", "2.WAV"],
        "bert": ["bert-1.ogg", "bert-2.flac"],
    }
    assert [r.text for r in found["anna"]] == ['"hello" there', None]
    assert len({r.name for recordings in found.values() for r in recordings}) == 4
    assert list(find_recordings(tmp_path, but=tmp_path / "bert-1.ogg")) == ["anna", "bert"]
    assert len(find_recordings(tmp_path, but=tmp_path / "anna" / "deep")["anna"]) == 1


def test_folders_that_hold_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        find_recordings(tmp_path / "none")
    with pytest.raises(UserError, match="no recordings there"):
        find_recordings(tmp_path)
    (tmp_path / "a.wav").touch()
    (tmp_path / "transcripts.tsv").write_text("path\ttext\nb.wav\thello\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"b\.wav is not a recording"):
        find_recordings(tmp_path)
    (tmp_path / "transcripts.tsv").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="cannot be read as UTF-8"):
        find_recordings(tmp_path)
    (tmp_path / "transcripts.tsv").write_text("file\twords\n", encoding="utf-8")
    with pytest.raises(UserError, match="needs the columns path and text"):
        find_recordings(tmp_path)
    (tmp_path / "transcripts.tsv").unlink()
    (tmp_path / "clips.tsv").write_text("path\temotion\na.wav\tcalm\n", encoding="utf-8")
    (found,) = find_recordings(tmp_path)["a"]
    assert found.emotion == "calm" and found.text is None


def test_every_speaker_is_converted_into_others() -> None:
    speakers = {s: [EvaluationRecording(Path(f"{s}{k}.wav"), f"{s}{k}", s) for k in range(3)] for s in "abcd"}
    jobs = trials(speakers, limit=2, others=2)
    own, crossed = [j for j in jobs if j.reference is None], [j for j in jobs if j.reference is not None]
    assert len(own) == 8 and len(crossed) == 8
    pairs = {(j.source.speaker, j.reference.speaker) for j in crossed if j.reference}
    assert len(pairs) == 8 and all(a != b for a, b in pairs)
    assert len({j.name for j in jobs}) == len(jobs)
    # no more voices than there are
    assert all(j.reference is None for j in trials({"a": speakers["a"]}, None, 5))


def test_a_voice_is_known_by_the_recordings_that_follow(tmp_path: Path) -> None:
    speakers: dict[str, list[EvaluationRecording]] = {}
    for name in ("a1", "a2", "a3", "a4", "b1", "b2"):
        path = tmp_path / f"{name}.wav"
        audio.write(path, np.random.default_rng(0).normal(0, 0.1, audio.SAMPLE_RATE).astype(np.float32))
        speakers.setdefault(name[0], []).append(EvaluationRecording(path, name, name[0]))
    found = {job.name: [r.name for r in job.more] for job in trials(speakers, None, 1, more_seconds=1.5)}
    # at least one is left to compare with
    assert found == {
        "a1": ["a2", "a3"], "a2": ["a3", "a4"], "a3": ["a4", "a1"], "a4": ["a1", "a2"], "b1": [], "b2": [],
        "a1-as-b": [], "b1-as-a": ["a2", "a3"],
    }  # fmt: skip
    assert not any(job.more for job in trials(speakers, None, 1))


def test_words_are_pooled_and_means_leave_out_what_is_missing() -> None:
    results = [
        result(wrong_words=1, words=10, f0_correlation=0.9, ovrl=3.0),
        result(wrong_words=9, words=90, f0_correlation=float("nan"), ovrl=None),
    ]
    row = tables.statistics(results, own_voice=True)["direct"]
    assert row["WER"][0] == pytest.approx(0.1)
    assert row["log-F0 corr"][0] == pytest.approx(0.9)
    assert row["OVRL"][0] == 3.0
    assert np.isnan(row["P.808"][0])
    assert row["RTF"][0] == 0.5
    assert row["normalised SECS"][0] == pytest.approx((0.8 - 0.5) / (0.9 - 0.5))


def test_judges_that_are_not_installed_do_not_count() -> None:
    results = [
        result(wrong_phones=3, phones=30, campplus=0.5, campplus_second=0.8, campplus_stranger=0.4),
        result(wrong_phones=None, phones=None, campplus=None, campplus_second=None, campplus_stranger=None),
    ]
    row = tables.statistics(results, own_voice=True)["direct"]
    assert row["PER to source"][0] == pytest.approx(0.1)
    assert row["CAM++"][0] == 0.5 and row["normalised CAM++"][0] == pytest.approx(0.25)
    none = tables.statistics(results[1:], own_voice=True)
    assert all(np.isnan(none["direct"][name][0]) for name in ("PER to source", "CAM++", "normalised CAM++"))
    assert "CAM++" not in tables.markdown(none, {"direct": 1})


def test_the_interval_is_that_of_the_mean() -> None:
    values = np.random.default_rng(0).normal(0.7, 0.1, 200)
    low, high = tables.interval([result(secs=float(v)) for v in values], tables._mean("secs"))
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(200), rel=0.15)


def test_a_table_has_a_row_for_each_system_and_a_column_for_each_known_figure() -> None:
    results = [result("direct"), result("text"), result("text", target="b", secs=0.6)]
    own, other = (tables.markdown(tables.statistics(results, own), {"direct": 1, "text": 1}) for own in (True, False))
    assert [line.split("|")[1].strip() for line in own.splitlines()[2:]] == ["direct", "text"]
    assert "0.800" in own and "0.600" not in own and "0.600" in other
    assert "OVRL" not in own
    assert tables.markdown(tables.statistics([], True), {}) == ""


def test_pictures_are_drawn(tmp_path: Path) -> None:
    results = [result("direct", secs=0.7 + k / 10) for k in range(3)] + [result("text")]
    tables.bars(tmp_path / "bars.png", tables.statistics(results, own_voice=True))
    curve = np.where(np.arange(200) % 50 < 30, 120.0, 0.0)
    tables.f0_contours(tmp_path / "melodies.png", {"clip": {"recording": curve, "direct": curve * 1.1}})
    for name in ("bars.png", "melodies.png"):
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_run_measures_and_goes_on_where_it_stopped(tmp_path: Path, listener: WhisperModel) -> None:
    """The recording itself and WORLD's copy of it, which need no model but Whisper, the judge."""
    folder = tmp_path / "speech"
    second, wave, other = audio.SAMPLE_RATE, audio.read(CLIP), audio.read(OTHER_SPEAKER)
    for speaker, part in (("a", wave[: 2 * second]), ("a", wave[2 * second : 4 * second]), ("b", other[: 2 * second])):
        (folder / speaker).mkdir(parents=True, exist_ok=True)
        audio.write(folder / speaker / f"{len(list((folder / speaker).iterdir()))}.flac", part)
    config = BenchmarkConfig(folder, tmp_path / "out", ("recording", "world"), others=1, limit=1, language="en")
    shares: list[float] = []
    # the smallest Whisper transcribes well enough, and predicted opinions are another test's matter and slow
    measure = partial(run, config, listener, rate=lambda wave, rate: Quality(ovrl=len(wave) / rate))
    results = measure(shares.append)
    assert shares == pytest.approx([k / 6 for k in range(1, 7)])
    assert [(r.system, r.target) for r in results] == [
        ("recording", None), ("recording", None), ("world", None), ("world", None), ("world", "b"), ("world", "a"),
    ]  # fmt: skip
    itself, copy = results[0], results[2]
    assert itself.wrong_source_words == 0 and itself.f0_correlation == pytest.approx(1) and itself.f0_rmse_cents == 0
    assert itself.secs == pytest.approx(itself.second)
    assert all(r.ovrl == pytest.approx(r.output_seconds) and r.distill_mos is None for r in results)
    assert copy.f0_correlation > 0.95 and copy.energy_correlation > 0.95
    assert copy.wrong_either_words == copy.wrong_source_words <= 0.5 * copy.source_words  # no transcript is known
    assert 0 < itself.stranger <= 1 and itself.stranger != itself.secs
    # measured results are not measured again
    sheet = tmp_path / "out" / "world-a-0-flac.json"
    values = json.loads(sheet.read_text(encoding="utf-8")) | {"transcript": "marked"}
    sheet.write_text(json.dumps(values), encoding="utf-8")
    assert measure()[2].transcript == "marked"
    # a damaged result is measured again
    sheet.write_text("{", encoding="utf-8")
    again = measure()[2]
    assert again == dataclasses.replace(copy, processing_seconds=again.processing_seconds)
    assert measure()[2] == again
    text = summary.write_summary(config, results)
    assert "## Own voice" in text and "## Another speaker's voice" in text and "| world | 2 |" in text
    assert (tmp_path / "out" / "table.md").read_text(encoding="utf-8") == text + "\n"
    assert json.loads((tmp_path / "out" / "figures.json").read_text())["own-voice"]["recording"]["WER"][0] == 0
    assert all((tmp_path / "out" / f"{n}.png").is_file() for n in ("own-voice", "other-voice", "f0"))
    for other in ({"language": "fr"}, {"decoder": "fast"}):
        with pytest.raises(UserError, match="results of other recordings, weights or settings"):
            run(dataclasses.replace(config, **other), listener)


@pytest.mark.slow
def test_a_random_walk_comes_nearer_to_a_voice(kokoro: Kokoro) -> None:
    sentence = "We were away."
    wanted, start = (systems.say(kokoro, sentence, "en", voice) for voice in ("am_adam", "am_echo"))
    embedding = metrics.speaker_embedding(wanted, audio.SAMPLE_RATE)
    assert embedding is not None
    found = systems.random_walk(kokoro, voice_pack("am_echo"), embedding, 4, sentence)
    moved = found - voice_pack("am_echo")
    assert moved.abs().max() > 0 and moved.shape == (510, 256)
    spoken = systems.say(kokoro, sentence, "en", found)
    before, after = (metrics.cosine(metrics.speaker_embedding(w, 24000), embedding) for w in (start, spoken))
    assert after > before


def test_unknown_systems(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown system 'magic': choose from direct, text"):
        run(BenchmarkConfig(tmp_path, tmp_path / "out", ("magic",)))
    with pytest.raises(UserError, match="^recipe: the system 'recipe' and an encoder"):
        run(BenchmarkConfig(tmp_path, tmp_path / "out", ("recipe",)))


def test_a_decoder_that_is_not_there_leaves_no_folder(tmp_path: Path) -> None:
    for name in ("a/1.wav", "a/2.wav", "b/1.wav"):
        (tmp_path / "speech" / name).parent.mkdir(parents=True, exist_ok=True)
        audio.write(tmp_path / "speech" / name, np.zeros(24_000, np.float32))
    out = tmp_path / "out"
    with pytest.raises(UserError, match="nothing.safetensors"):
        run(BenchmarkConfig(tmp_path / "speech", out, ("direct",), decoder="nothing.safetensors"))
    assert not out.exists()


def test_predicted_quality_falls_with_noise() -> None:
    pytest.importorskip("speechmos")
    wave = audio.read(CLIP)
    noisy = wave + 0.3 * wave.std() * np.random.default_rng(0).standard_normal(len(wave)).astype(np.float32)
    clean, worse = quality(wave, audio.SAMPLE_RATE), quality(noisy, audio.SAMPLE_RATE)
    assert clean.ovrl is not None and worse.ovrl is not None
    assert clean.ovrl > worse.ovrl + 0.3 and 1 <= worse.ovrl <= clean.ovrl <= 5


def test_a_conversion_is_named_by_who_speaks_and_as_whom() -> None:
    a, b = EvaluationRecording(Path("x/1.wav"), "a-1-wav", "a"), EvaluationRecording(Path("y/2.wav"), "b-2-wav", "b")
    assert Trial(a).name == "a-1-wav" and Trial(a, b).name == "a-1-wav-as-b"
