"""Conversions that are broken off go on without a difference."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np
import pytest

from nuanced_speech import audio
from nuanced_speech.convert.converter import Converter
from nuanced_speech.convert.kept_transcripts import KeptTranscriber, read_transcript, read_windows
from nuanced_speech.convert.resumable import ResumableConverter, _KeptResynthesizer
from nuanced_speech.convert.transcription import RecordingTranscriber
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.journal import Journal, work_folder
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.whisper import Transcript, TranscriptSegment, TranscriptWord, WhisperModel
from nuanced_speech.models.whisper_windows import Window


@pytest.mark.slow
def test_a_conversion_that_is_broken_off_goes_on_without_a_difference(
    quick: Converter, clip: Path, tmp_path: Path
) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    wave = audio.read(clip)
    audio.write(source, np.concatenate([wave, wave, wave])[: 13 * 24000])
    quick.convert(source, path="direct", output=tmp_path / "unbroken.wav")
    resumable = ResumableConverter(quick)
    kept: list[set[str]] = []
    for limit in (0.15, 0.64):  # when the first window is analysed, and when the first segment is spoken

        def stop(share: float, limit: float = limit) -> None:
            if share > limit:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            resumable.convert(source, path="direct", output=out, progress=stop)
        assert not out.exists()
        kept.append({path.name for path in work_folder(out).rglob("*") if path.is_file() and path.stat().st_size})
    assert kept[0] == {"work.json"} and "000000.safetensors" in kept[1] and "parts.jsonl" in kept[1]
    analysed = [path.stat().st_mtime_ns for path in sorted((work_folder(out) / "features").iterdir())]
    spoken = (work_folder(out) / "sound.f32").read_bytes()
    assert analysed and spoken

    seen: list[bytes] = []

    def watch(share: float) -> None:
        seen.append((work_folder(out) / "sound.f32").read_bytes())

    resumable.convert(source, path="direct", output=out, progress=watch)
    assert out.read_bytes() == (tmp_path / "unbroken.wav").read_bytes() and not work_folder(out).exists()
    assert all(data.startswith(spoken) for data in seen)


def test_a_damaged_transcript_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "transcript-0-words.json"
    piece = {"text": "a", "start": 0.0, "end": 1.0, "words": [{"text": "a", "start": 0.0, "end": 1.0}]}
    good = {"text": "a", "language": "en", "segments": [piece]}
    path.write_text(json.dumps(good))
    assert read_transcript(path) == Transcript(
        "a", "en", [TranscriptSegment("a", 0.0, 1.0, [TranscriptWord("a", 0.0, 1.0)])]
    )
    damaged = [
        "{", "[" * 100_000, "null", "{}", json.dumps(good).replace("1.0", "1e400"), json.dumps(good | {"text": 5}),
        json.dumps(good).replace('"words"', '"wrds"'), json.dumps(good).replace('"end": 1.0', '"end": "x"'),
    ]  # fmt: skip
    for text in damaged:
        path.write_text(text)
        with pytest.raises(UserError, match=r"transcript-0-words\.json: .*; remove it, and the recording is"):
            read_transcript(path)


def test_a_recording_that_cannot_be_converted_leaves_no_folder(converter: Converter, tmp_path: Path) -> None:
    audio.write(tmp_path / "in.wav", np.zeros(24000, np.float32))
    for name, says in (("in.wav", "no speech"), ("nowhere.wav", "cannot be read")):
        with pytest.raises(UserError, match=says):
            ResumableConverter(converter).convert(
                tmp_path / name, path="direct", strict=True, output=tmp_path / "out.wav"
            )
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


_PIECE = {
    "text": "Yes.", "start": 0.0, "end": 1.0, "avg_logprob": 0.0, "no_speech_prob": 0.0, "compression_ratio": 1.0,
}  # fmt: skip


def _window(**fields: object) -> bytes:
    """Lines of a language and a window."""
    window = {"end": 9, "speech_end": 0.0, "tokens": [], "segments": [], **fields}
    return b'{"language": "en"}\n' + json.dumps(window).encode() + b"\n"


def test_a_file_of_windows_begins_with_the_first_one(tmp_path: Path) -> None:
    def refused(*_: object) -> NoReturn:
        raise UserError("no weights here")

    with pytest.raises(UserError, match="no weights"):
        KeptTranscriber(cast(Any, refused), tmp_path)(np.zeros(10, np.float32), "en", False)
    assert not list(tmp_path.iterdir())

    def heard(wave: np.ndarray, language: str, words: bool, progress: None, known: object, keep: Any) -> None:
        keep(Window(9, 0.0, [], []))

    with pytest.raises(UserError, match="cannot write"):
        KeptTranscriber(cast(Any, heard), tmp_path / "gone")(np.zeros(10, np.float32), "en", False)


@pytest.mark.slow
def test_a_transcript_that_is_broken_off_goes_on(listener: WhisperModel, clip: Path, tmp_path: Path) -> None:
    wave = audio.read(clip)
    long = np.concatenate([wave, wave, wave, wave, wave, wave])  # two windows
    transcribe = RecordingTranscriber(ModelBank(whisper="tiny.en", loaded={"transcriber": listener}))
    decode, calls = listener.model.decode, list[int]()

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return decode(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listener.model, "decode", counted)
        with pytest.raises(KeyboardInterrupt):
            KeptTranscriber(transcribe, tmp_path)(long, None, False)
        (lines,) = tmp_path.iterdir()
        kept = lines.read_bytes()
        assert kept.count(b"\n") == 2  # language and one window
        lines.write_bytes(kept + kept.splitlines()[1][:50])  # what a kill has cut off
        found = KeptTranscriber(transcribe, tmp_path)(long, None, False)
        assert len(calls) == 3
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]
    assert found == transcribe(long, None, False)


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        (b"[]\n", None, 0),
        (b'{"language": 5', None, 0),
        (b'{"language": "en"}\n{"end": "x"}\n', "en", 0),
        (b"\xff\n", None, 0),
        (b'{"language": "en"}\n{"end": 9, "speech_end": 0.0, "tokens": [], "segments": []}\n{"end": 9}\n', "en", 1),
        (b'{"language": "xx"}\n', None, 0),
        (_window(tokens=[-1]), "en", 0),
        (_window(tokens=[99999]), "en", 0),
        (_window(segments=[{"text": "Yes.", "start": 0.0, "end": 1.0}]), "en", 0),
        (_window(segments=[{**_PIECE, "words": ["Yes."]}]), "en", 0),
        (_window(segments=[_PIECE]), "en", 1),
    ],
)
def test_what_a_kill_cut_off_is_not_taken(tmp_path: Path, text: bytes, language: str | None, count: int) -> None:
    path = tmp_path / "transcript-0-text.jsonl"
    path.write_bytes(text)
    known = read_windows(path)
    assert (known.language, len(known.windows)) == (language, count) and text[: known.end].count(b"\n") == bool(
        language
    ) + count


class _Phrases:
    """Speaks every string as a constant; counts."""

    def __init__(self) -> None:
        self.spoken: list[str] = []

    def from_text(self, texts: Iterable[str], *_: object) -> Iterator[np.ndarray]:
        for text in texts:
            self.spoken.append(text)
            yield np.full(100, len(text), np.float32)


def test_other_words_go_on_where_they_were_broken_off(tmp_path: Path) -> None:
    texts, speaker = ["a", "bb", "ccc"], _Phrases()
    arguments: Any = ([], None, None)
    with Journal(tmp_path / "out.work", {}) as journal:
        waves = _KeptResynthesizer(speaker, journal).from_text(texts, *arguments)  # type: ignore[arg-type]
        first = [next(waves), next(waves)]
    with Journal(tmp_path / "out.work", {}) as journal:
        again = [*_KeptResynthesizer(speaker, journal).from_text(texts, *arguments)]  # type: ignore[arg-type]
    assert speaker.spoken == texts and len(again) == 3
    for wave, other in zip(first, again, strict=False):
        assert np.array_equal(wave, other)
