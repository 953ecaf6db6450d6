"""Whisper hears speech alone: noise becomes no words, and no consent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import CLIP_WORDS

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.serve.engine import Engine
from nuanced_speech.text.word_errors import word_errors


def noise(seconds: float) -> np.ndarray:
    samples = round(seconds * audio.SAMPLE_RATE)
    return (0.1 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)


def test_noise_has_no_words_and_no_speaker(engine: Engine) -> None:
    assert list(engine.transcribe(noise(5), None, False)) == []
    with pytest.raises(UserError, match="recording: there is no voice"):
        engine.speaker(noise(5), "recording")


def test_words_after_noise_are_heard_where_they_are(engine: Engine, clip: Path) -> None:
    speech = audio.read(clip)
    (after,) = engine.transcribe(np.concatenate([noise(6), speech, noise(6)]), "en", True)
    (alone,) = engine.transcribe(speech, "en", True)
    assert word_errors(CLIP_WORDS, after.text).wer <= 0.25
    first, usual = (part.segments[0].words[0].start for part in (after, alone))
    assert first == pytest.approx(6 + usual, abs=0.5)
    assert after.segments[-1].end < 6 + len(speech) / audio.SAMPLE_RATE + 1
