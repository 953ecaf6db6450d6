"""A small good file of every format that holds work: books, videos, what is kept for resuming, what was exported."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import onnx
import soundfile
import torch
from fuzz_formats import Format
from onnx import helper

from nuanced_speech import audio
from nuanced_speech.analysis.features import SegmentFeatures, SegmentFrames
from nuanced_speech.audio import m4b
from nuanced_speech.audio import segmentation as audio_segments
from nuanced_speech.audio.av_files import AvFile, video_start
from nuanced_speech.convert import kept_features, manifest
from nuanced_speech.convert.kept_transcripts import read_transcript, read_windows
from nuanced_speech.core.journal import Journal
from nuanced_speech.dialogue.conversation import Conversation, Turn
from nuanced_speech.dsp.spectral_balance import SpectralBalance
from nuanced_speech.edge import models as edge
from nuanced_speech.models.whisper import Transcript, TranscriptSegment, TranscriptWord, segment_of
from nuanced_speech.models.whisper_windows import Window, text_of
from nuanced_speech.synthesis.long_speech import LongSpeech
from nuanced_speech.text.book import read_epub
from nuanced_speech.voice.style import Style

RATE = 24_000
CHAPTERS = ["Yes. We do.", "No!"]


def formats() -> list[Format]:
    """All of them; books where ebooklib is installed."""
    return [*_books(), *_sounds(), *_kept(), *_exported()]


def _books() -> list[Format]:
    try:
        from ebooklib import epub
    except ImportError:
        return []

    def write(folder: Path) -> None:
        book = epub.EpubBook()
        book.set_title("Sharks")
        book.add_author("A. Writer")
        documents = [epub.EpubHtml(title=f"Part {k}", file_name=f"{k}.xhtml") for k in range(2)]
        for document in documents:
            document.content = "<html><body><h1>One</h1><p>Sharks <i>shed</i> teeth.</p></body></html>"
            book.add_item(document)
        book.toc = documents
        book.add_item(epub.EpubNcx())
        book.add_item(epub.EpubNav())
        book.spine = ["nav", *documents]
        epub.write_epub(str(folder / "x.epub"), book)

    return [Format("EPUB", "x.epub", write, read_epub)]


def _sounds() -> list[Format]:
    wave = (0.3 * np.sin(np.arange(RATE) / 20)).astype(np.float32)

    def read(path: Path) -> None:
        audio.read(path)
        audio.synthetic_mark(path)
        audio.sample_rate(path)

    def read_video(path: Path) -> None:
        read(path)
        video_start(path)

    def written(name: str, container: str, codec: str, step: int = 1) -> Callable[[Path], Any]:
        def write(folder: Path) -> None:
            file = AvFile(folder / name, RATE // step, container, codec, "synthetic")
            file.write(wave[::step])
            file.close()

        return write

    def video(name: str) -> Callable[[Path], Any]:
        return lambda folder: _write_video(folder / name, wave)

    def write_chained(folder: Path) -> None:
        soundfile.write(folder / "x.ogg", wave, RATE, "VORBIS", format="OGG")
        (folder / "x.ogg").write_bytes((folder / "x.ogg").read_bytes() * 2)

    def write_audiobook(folder: Path) -> None:
        m4b.write(folder / "x.m4b", [wave], [m4b.ChapterMark("One", 0, RATE)], m4b.BookTags("Sharks", "A. Writer"))

    return [
        Format("M4A", "x.m4a", written("x.m4a", "ipod", "aac"), read),
        Format("MP4", "x.mp4", written("x.mp4", "mp4", "aac"), read),
        Format("WebM", "x.webm", written("x.webm", "webm", "libopus"), read),
        Format("WMA", "x.wma", written("x.wma", "asf", "wmav2"), read),
        # 8 kHz is all that it has
        Format("AMR", "x.amr", written("x.amr", "amr", "libopencore_amrnb", 3), read),
        Format("AIFF", "x.aiff", lambda f: soundfile.write(f / "x.aiff", wave, RATE, "PCM_16", format="AIFF"), read),
        Format("video in MP4", "video.mp4", video("video.mp4"), read_video),
        Format("video in MKV", "video.mkv", video("video.mkv"), read_video),
        Format("chained Ogg", "x.ogg", write_chained, read),
        Format("audiobook", "x.m4b", write_audiobook, read),
    ]


def _write_video(path: Path, wave: np.ndarray) -> None:
    """A second of grey pictures with the sound of ``wave [T]`` at 24 kHz."""
    with av.open(str(path), "w") as container:
        picture: Any = container.add_stream("mpeg4", rate=5)
        picture.width = picture.height = 32
        picture.pix_fmt = "yuv420p"
        sound: Any = container.add_stream("aac", rate=RATE, layout="mono")
        for number in range(5):
            grey = np.full((32, 32, 3), 40 * number, np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        frame = av.AudioFrame.from_ndarray(wave[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        container.mux(sound.encode(frame))
        for stream in (picture, sound):
            container.mux(stream.encode(None))


def _kept() -> list[Format]:
    words = [TranscriptWord("Yes.", 0.1, 0.4)]
    transcript = Transcript("Yes.", "en", [TranscriptSegment("Yes.", 0.0, 1.0, words)])
    entry = manifest.Entry("a.wav", "a.flac", manifest.DONE)
    conversation = Conversation().with_turn(Turn("Do sharks shed teeth?", "calm", "They do."))

    def write_features(folder: Path) -> None:
        kept_features.write(folder / "000000.safetensors", [_features()])

    def write_manifest(folder: Path) -> None:
        (folder / "manifest.jsonl").write_text(json.dumps(asdict(entry)) + "\n" + json.dumps(asdict(entry)) + "\n")

    def write_windows(folder: Path) -> None:
        piece = {
            "seek": 0, "start": 0.0, "end": 1.0, "text": "Yes.", "tokens": [5], "avg_logprob": -0.2,
            "compression_ratio": 1.0, "no_speech_prob": 0.1,
            "words": [{"word": " Yes.", "start": 0.1, "end": 0.4, "probability": 0.9}],
        }  # fmt: skip
        lines = [{"language": "en"}, asdict(Window(3000, 0.4, [5], [piece])), asdict(Window(6000, 0.4, [], [], True))]
        (folder / "windows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def write_transcript(folder: Path) -> None:
        (folder / "transcript.json").write_text(json.dumps(asdict(transcript)))

    return [
        Format("journal", "x.work/parts.jsonl", _write_journal, _read_journal),
        Format("work of a journal", "x.work/work.json", _write_journal, _read_journal),
        Format("kept transcript", "transcript.json", write_transcript, read_transcript),
        Format("kept windows", "windows.jsonl", write_windows, _use_windows),
        Format("kept features", "000000.safetensors", write_features, kept_features.read),
        Format("manifest of an archive", "manifest.jsonl", write_manifest, lambda p: manifest.read(p.parent)),
        Format("conversation", "talk.json", lambda f: conversation.write(f / "talk.json"), Conversation.read),
    ]


def _use_windows(path: Path) -> None:
    # as the transcription goes on after them
    network: Any = SimpleNamespace(is_multilingual=True, num_languages=99)
    known = read_windows(path)
    [segment_of(piece) for window in known.windows for piece in window.segments]
    text_of(network, known.language or "en", known.windows)


def _features() -> SegmentFeatures:
    rng, units = np.random.default_rng(0), 7

    def numbers(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    bands = numbers(2 * units, 40).astype(np.float16)
    return SegmentFeatures(
        segment=audio_segments.Segment(0, units, 0, units),
        frames=SegmentFrames(
            numbers(600 * units),
            torch.from_numpy(numbers(512, units)).half(),
            numbers(units, 178),
            SpectralBalance(bands, bands > 0, bands > 1, bands[:, 0] > 0),
        ),
        f0=numbers(2 * units),
        energy=numbers(2 * units),
        style=Style.from_vector(torch.from_numpy(numbers(300))),
        speaker=numbers(256),
        phonemes="həlˈO",
    )


def _write_journal(folder: Path) -> None:
    after = {"utterances": 1, "now": 40, "before": 20, "level": -20.5, "begun": [None]}
    sentence = {"sentence": 0, "share": 1.0, "utterance": 0, "words": [["Yes.", 0.1, 0.4]]}
    with Journal(folder / "x.work", {"work": "a"}) as journal:
        for chapter in range(len(CHAPTERS)):
            note = {"chapter": chapter, "end": False, "sentences": [sentence], "after": after}
            journal.add(np.ones(100, np.float32), note)
            journal.add(np.zeros(10, np.float32), {"chapter": chapter, "end": True})


def _read_journal(path: Path) -> None:
    # opening one cuts off what does not fit
    np.ones(220, np.float32).tofile(path.parent / "sound.f32")
    with Journal(path.parent, {"work": "a"}) as journal:
        long = LongSpeech(journal, CHAPTERS, lambda text, start: iter(()))
        sum(len(chunk) for chunk in journal.chunks())
        if long.done == 1.0:
            list(long.timed())


def _exported() -> list[Format]:
    inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 4])]
    outputs = [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, 4])]
    weight = helper.make_tensor("w", onnx.TensorProto.FLOAT, [4, 4], [0.5] * 16)
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "small", inputs, outputs, [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def write_table(folder: Path) -> None:
        onnx.save(model, str(folder / "small.onnx"))
        numbers = np.ones(128 + 256, np.float32)
        numbers.tofile(folder / "voices.bin")
        numbers.tofile(folder / "noise.bin")
        np.ones(2 * (512 + 64), np.float32).tofile(folder / "frames.bin")
        names = ("noise.bin", "voices.bin", "frames.bin")
        files = {name: {"file": name, "bytes": (folder / name).stat().st_size} for name in names}
        row = {"name": "af_heart", "mark": "synthetic", "log_f0": 7.5, "frames": 2}
        settings = {"level_db": -24.0, "energy_offset": 0.1, "sharpness": 0.75, "margin_seconds": 0.5}
        small = {"file": "small.onnx", "bytes": (folder / "small.onnx").stat().st_size}
        table = {
            "format": edge.FORMAT,
            "settings": settings,
            "graphs": dict.fromkeys(edge.GRAPHS, small),
            "noise": files["noise.bin"],
            "frames": files["frames.bin"],
            "voices": files["voices.bin"] | {"numbers": len(numbers), "rows": [row]},
        }
        (folder / edge.TABLE).write_text(json.dumps(table))

    def read_table(path: Path) -> None:
        models = edge.EdgeModels(path.parent, 1)
        models.noise.sum()
        for name in models.voices:
            models.voice(name).timbre.sum()

    def read_graph(path: Path) -> None:
        table = json.loads((path.parent / edge.TABLE).read_text())
        for entry in table["graphs"].values():
            entry["bytes"] = path.stat().st_size
        (path.parent / edge.TABLE).write_text(json.dumps(table))
        edge.EdgeModels(path.parent, 1).run("energy", x=np.ones((2, 4), np.float32))

    return [
        Format("edge table", edge.TABLE, write_table, read_table),
        Format("edge graph", "small.onnx", write_table, read_graph),
    ]
