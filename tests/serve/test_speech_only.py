"""Whisper hears speech alone: noise becomes no words, and no consent."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest
from helpers import CLIP_WORDS
from serve.running import Running

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.serve.engine import Engine
from nuanced_speech.text.word_errors import word_errors


def noise(seconds: float) -> np.ndarray:
    samples = round(seconds * audio.SAMPLE_RATE)
    return (0.1 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)


def test_noise_has_no_words_and_no_speaker(engine: Engine) -> None:
    assert list(engine.transcriber.stretches(noise(5), None, False)) == []
    with pytest.raises(UserError, match="recording: there is no voice"):
        engine.speaker(noise(5), "recording")


def test_words_after_noise_are_heard_where_they_are(engine: Engine, clip: Path) -> None:
    speech = audio.read(clip)
    (after,) = engine.transcriber.stretches(np.concatenate([noise(6), speech, noise(6)]), "en", True)
    (alone,) = engine.transcriber.stretches(speech, "en", True)
    assert word_errors(CLIP_WORDS, after.text).wer <= 0.25
    first, usual = (part.segments[0].words[0].start for part in (after, alone))
    assert first == pytest.approx(6 + usual, abs=0.5)
    assert after.segments[-1].end < 6 + len(speech) / audio.SAMPLE_RATE + 1


def test_noise_is_of_the_language_that_was_named(server: Running, tmp_path: Path) -> None:
    audio.write(tmp_path / "a.wav", noise(2), comment="")
    url, file = f"{server.url}/v1/audio/transcriptions", (tmp_path / "a.wav").read_bytes()
    for language, name in (("de", "german"), ("", "english")):
        fields = {"model": "whisper-1", "response_format": "verbose_json", "language": language}
        response = httpx.post(url, data=fields, files={"file": ("a.wav", file)}, timeout=60)
        assert response.status_code == 200, response.text
        assert (response.json()["text"], response.json()["language"]) == ("", name)


def test_the_gate_ends_where_nobody_waits(engine: Engine) -> None:
    def gone(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.speaker(noise(2), "recording", gone)
    with pytest.raises(KeyboardInterrupt):
        list(engine.transcriber.stretches(noise(2), None, False, check=gone))
