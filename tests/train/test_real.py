"""Real recordings as training data: what is kept of them, and what is left out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from helpers import SAMPLE

from nuanced_speech import audio
from nuanced_speech.analysis.speech_gate import GatedRecording, SpeechGate
from nuanced_speech.core.constants import SAMPLES_PER_UNIT
from nuanced_speech.core.errors import NoSpeechError, UserError
from nuanced_speech.models.content_adapter import ContentAdapter, ContentConfig
from nuanced_speech.models.kokoro import CONFIG, Kokoro
from nuanced_speech.models.whisper import Transcript, WhisperModel
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.train.corpus import read
from nuanced_speech.train.real import RealConfig, label, prepare, speech_of


@pytest.mark.slow
def test_a_recording_is_labelled_and_noise_is_left_out(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings" / "deep"
    recordings.mkdir(parents=True)
    shutil.copy(SAMPLE, recordings)
    noise = 0.1 * np.random.default_rng(0).standard_normal(audio.SAMPLE_RATE * 3)
    audio.write(recordings / "a-noise.wav", noise.astype(np.float32))
    prepare(RealConfig(tmp_path / "recordings", tmp_path / "real"))
    (utterance,) = read(tmp_path / "real")
    assert int(utterance.durations.sum()) * SAMPLES_PER_UNIT == len(utterance.audio)
    assert abs(len(utterance.audio) - len(audio.read(SAMPLE))) < SAMPLES_PER_UNIT
    vocabulary = json.loads(CONFIG.read_text(encoding="utf-8"))["vocab"]
    symbols = {number: symbol for symbol, number in vocabulary.items()}
    said = [symbols.get(int(token), "") for token in utterance.ids]
    assert "fɹˈʌnt" in "".join(said)
    # what is aligned is where the sound is: vowels are louder than the silence around the words
    level = np.sqrt(np.mean(utterance.audio.numpy().reshape(-1, SAMPLES_PER_UNIT) ** 2, 1))
    parts = np.split(level, np.cumsum(utterance.durations.numpy())[:-1])
    vowels = np.concatenate([part for part, symbol in zip(parts, said, strict=True) if symbol and symbol in "ʌɛiæɑ"])
    assert np.median(vowels) > 3 * np.median(np.concatenate([parts[0], parts[-1]]))
    before = (tmp_path / "real" / "shard-00000.safetensors").stat().st_mtime_ns
    prepare(RealConfig(tmp_path / "recordings", tmp_path / "real"))
    assert (tmp_path / "real" / "shard-00000.safetensors").stat().st_mtime_ns == before


class _Deaf(WhisperModel):
    """Hears nothing; the gate is to be sure by itself."""

    def transcribe(self, *arguments: object, **options: object) -> NoReturn:  # type: ignore[override]
        raise AssertionError


def test_only_speech_is_labelled(clip: Path) -> None:
    gate, listener = SpeechGate(), _Deaf("tiny.en")
    speech = audio.read(clip, audio.WHISPER_SAMPLE_RATE)
    noise = (0.1 * np.random.default_rng(0).standard_normal(4 * audio.WHISPER_SAMPLE_RATE)).astype(np.float32)
    assert speech_of(speech, listener, gate, "en") is speech
    with pytest.raises(NoSpeechError):
        speech_of(noise, listener, gate, "en")
    left = speech_of(np.concatenate([noise, speech, noise]), listener, gate, "en")
    assert len(speech) - audio.WHISPER_SAMPLE_RATE < len(left) < len(speech) + audio.WHISPER_SAMPLE_RATE


class _Refusing(SpeechGate):
    """Finds no speech, and remembers how long the recordings were."""

    def __init__(self) -> None:
        super().__init__()
        self.samples = list[int]()

    def __call__(self, recording: np.ndarray, progress: object = None) -> GatedRecording:
        self.samples.append(len(recording))
        return GatedRecording(recording[:0], (), len(recording), ())


def test_of_a_long_recording_only_the_beginning_is_gated(tmp_path: Path) -> None:
    noise = 0.01 * np.random.default_rng(0).standard_normal(100 * audio.SAMPLE_RATE)
    audio.write(tmp_path / "long.wav", noise.astype(np.float32))
    gate = _Refusing()
    config = RealConfig(tmp_path, tmp_path)
    labelled = label(tmp_path / "long.wav", None, None, None, config, gate)  # type: ignore[arg-type]
    assert labelled is None and gate.samples == [80 * audio.SAMPLE_RATE]


def test_a_folder_without_recordings(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no recordings there"):
        prepare(RealConfig(tmp_path, tmp_path / "out"))


class GermanEar:
    """Hears the same German words in everything; its features are Whisper's."""

    def __init__(self, listener: WhisperModel) -> None:
        self.listener, self.features, self.languages = listener, listener.features, list[str]()

    def transcribe(self, wave: np.ndarray, language: str) -> Transcript:
        self.languages.append(language)
        return Transcript("Schöne Bücher.", language, [])


def test_another_language_has_its_own_phonemes(kokoro: Kokoro, listener: WhisperModel) -> None:
    adapter = ContentAdapter(ContentConfig("tiny.en", 3, 1, 6, input_dim=384, width=48, hidden=64, dilations=(1, 2)))
    ear = GermanEar(listener)
    config = RealConfig(SAMPLE, SAMPLE, language="de", min_log_probability=-np.inf)
    labelled = label(SAMPLE, ear, adapter, kokoro, config)  # type: ignore[arg-type]
    assert labelled is not None and ear.languages == ["de"]
    assert labelled[1].tolist() == kokoro.tokens(phonemize("Schöne Bücher.", "de")).tolist()
