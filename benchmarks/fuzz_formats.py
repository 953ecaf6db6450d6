"""A small good file of every format that is read, and its reader; ``fuzz_weights`` has those of networks."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from nuanced_speech import audio
from nuanced_speech.core.reading import read_text
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.evaluate.recordings import find_recordings
from nuanced_speech.serve.voices import KeptVoice, VoiceStore
from nuanced_speech.text.dictionary import read_dictionary
from nuanced_speech.text.markup import plain_text
from nuanced_speech.text.ssml import from_ssml
from nuanced_speech.train import corpus
from nuanced_speech.tts import decode, features, ljspeech, transcripts, waveforms
from nuanced_speech.tts.clips import Clip, ClipOutcome, PrepareConfig
from nuanced_speech.tts.codec import codes
from nuanced_speech.tts.codec_lm.data import kept_codes
from nuanced_speech.tts.prepare import prepare
from nuanced_speech.tts.vocoders.mel_input import read_mel
from nuanced_speech.voice.provenance import Provenance
from nuanced_speech.voice.stock import stock_voices
from nuanced_speech.voice.voice import Voice
from nuanced_speech.weights import store

KEY = "key"


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        name: for the report.
        file: name of the file below a folder.
        write: writes a good one, and what must lie beside it, into a folder.
        read: reads it; only ``UserError`` may come out.
    """

    name: str
    file: str
    write: Callable[[Path], Any]
    read: Callable[[Path], Any]


def formats() -> list[Format]:
    """All but those of networks and of training."""
    return [*_voices(), *_sounds(), *_arrays(), *_tables(), *_settings()]


def _voices() -> list[Format]:
    voice = Voice("me", stock_voices()["af_heart"], Provenance("clone", "en", attributes={"age": 1.0}))
    return [
        Format(f"voice{suffix}", f"me{suffix}", lambda f: voice.save(f, force=True), lambda p: Voice.load(p))
        for suffix in (".pt", ".npz", ".safetensors")
    ]


def _sounds() -> list[Format]:
    rate = 16000
    wave = np.sin(np.arange(rate) / 20).astype(np.float32) * 0.3

    def read(path: Path) -> None:
        audio.read(path)
        audio.synthetic_mark(path)
        decode.decode(path, rate)

    def written(subtype: str) -> Callable[[Path], Any]:
        name, kind = subtype.split(".")
        return lambda folder: soundfile.write(folder / f"{name}.{kind}", wave, rate, name, format=_KINDS[kind])

    return [
        Format(name, name, written(name), read)
        for name in ("PCM_16.wav", "FLOAT.wav", "PCM_24.flac", "VORBIS.ogg", "MPEG_LAYER_III.mp3", "PCM_16.w64")
    ]


_KINDS = {"wav": "WAV", "flac": "FLAC", "ogg": "OGG", "mp3": "MP3", "w64": "W64"}


def _arrays() -> list[Format]:
    rng = np.random.default_rng(0)
    coded = codes.Codes(rng.integers(0, 1024, (4, 50)), 16000, 16000, "speech", "abc")
    durations = np.array([20, 5, 30])
    example = features.Example(
        np.array([1, 2, 3]), np.ones(256, np.float32), np.ones((55, MEL.n_mels), np.float32), durations
    )

    def write_kept(folder: Path) -> None:
        np.savez_compressed(folder / "kept.npz", key=np.array(KEY), codes_0=coded.codes.astype(np.int16))

    return [
        Format("codes", "codes.npz", lambda f: codes.save(f / "codes.npz", coded), codes.load),
        Format("features", "example.npz", lambda f: features.save(f / "example.npz", example), features.load),
        Format("codes of a data set", "kept.npz", write_kept, lambda p: kept_codes(p, KEY, 1)),
        Format("mel", "mel.npy", lambda f: np.save(f / "mel.npy", example.mel), lambda p: read_mel(p, MEL)),
    ]


def _text(name: str, text: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(text, encoding="utf-8")


_SSML = '<speak>One <break time="200ms"/><prosody rate="slow">two</prosody> <phoneme ph="a">b</phoneme></speak>'
_MARKDOWN = "# One\n\n- two *three* <b>four</b>\n\n| a | b |\n|---|---|\n| [x](y) | [z](/zi/) |\n"


def _tables() -> list[Format]:
    rows = "LJ001|Dr. Smith, née Łódź.|Doctor Smith, née Łódź.\nLJ002|Yes.|Yes.\n"

    def write_recordings(folder: Path) -> None:
        (folder / "one.wav").touch()
        _text("transcripts.tsv", "path\ttext\temotion\none.wav\tYes — no.\thappy\n")(folder)

    def write_transcript(folder: Path) -> None:
        (folder / "one.wav").touch()
        _text("one.txt", "Ein schöner Tag.")(folder)

    return [
        Format("LJSpeech", "metadata.csv", _text("metadata.csv", rows), lambda p: ljspeech.read(p.parent)),
        Format("dictionary", "words.txt", _text("words.txt", "Kokoro\t/kˈOkəɹO/\nNVDA\tenvidia\n"), read_dictionary),
        Format("SSML", "x.ssml", _text("x.ssml", _SSML), lambda p: from_ssml(read_text(p, "SSML", "mend it"))),
        Format("Markdown", "x.md", _text("x.md", _MARKDOWN), lambda p: plain_text(read_text(p, "a text", "mend it"))),
        Format("sentences", "lines.txt", _text("lines.txt", "One — two.\nThree.\n"), corpus.read_sentences),
        Format("recordings", "transcripts.tsv", write_recordings, lambda p: find_recordings(p.parent)),
        Format("transcript", "one.txt", write_transcript, lambda p: transcripts.find(sorted(p.parent.iterdir()))),
    ]


def _settings() -> list[Format]:
    kept = KeptVoice("voice_" + "0" * 24, "me", 1, "agreed")
    clip = Clip("a-0001", 0.0, 1.0, 1.5, "Yes.", "Yes.", "en", "jˈɛs", 3.0)
    outcome = ClipOutcome("a.wav", "abc", [clip])
    manifest = store.ModelManifest("kokoro", "hub", "0" * 64, "0" * 64, 3, "2026")

    def write_state(folder: Path) -> None:
        (folder / ".prepare").mkdir(exist_ok=True)
        _text("source/a.wav", "x")(_made(folder, "source"))
        _text(".prepare/settings.json", json.dumps({"version": 1, "source": "/x", "pad": 0.5}))(folder)

    def write_manifest(folder: Path) -> None:
        (folder / "kokoro.safetensors").write_bytes(b"abc")
        _text("kokoro.json", json.dumps(asdict(manifest)))(folder)

    def read_manifest(path: Path) -> None:
        os.environ["NUANCED_SPEECH_CACHE"] = str(path.parent)
        store.check_size("kokoro")

    def write_waveforms(folder: Path) -> None:
        np.ones(300, np.int16).tofile(folder / waveforms.SAMPLES)
        _text(waveforms.INDEX, json.dumps({"key": KEY, "ends": [100, 300]}))(folder)

    return [
        Format(
            "settings of a data set",
            ".prepare/settings.json",
            write_state,
            lambda p: prepare(PrepareConfig(p.parents[1] / "source", p.parents[1])),
        ),
        Format("settings of features", "settings.json", _text("settings.json", '{"a": "b"}'), _read_feature_settings),
        Format("clips", "a.json", lambda f: outcome.save(f / "a.json"), ClipOutcome.load),
        Format("waveforms", waveforms.INDEX, write_waveforms, lambda p: waveforms.kept_waveforms(p.parent, KEY)),
        Format(
            "voice of the server",
            f"{kept.id}.json",
            _text(f"{kept.id}.json", json.dumps(asdict(kept))),
            lambda p: VoiceStore(p.parent, 10).kept(),
        ),
        Format("manifest", "kokoro.json", write_manifest, read_manifest),
    ]


def _made(folder: Path, name: str) -> Path:
    (folder / name).mkdir(exist_ok=True)
    return folder


def _read_feature_settings(path: Path) -> None:
    features.begin(path.parent, {"a": "b"})
