"""Words of very short recordings, and of those with long silence in them, reach the recogniser unchanged."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import CLIP, CLIP_WORDS

from nuanced_speech import audio
from nuanced_speech.analysis.speech_gate import SpeechGate
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.word_errors import word_errors


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return audio.read(CLIP)


def silence(seconds: float) -> np.ndarray:
    """Silence with the noise of a microphone."""
    noise = np.random.default_rng(0).standard_normal(round(seconds * SAMPLE_RATE))
    return (1e-4 * noise).astype(np.float32)


def heard(listener: WhisperModel, wave: np.ndarray) -> str:
    return listener.transcribe(audio.resample(wave, SAMPLE_RATE, 16000), "en").text


@pytest.mark.slow
def test_half_a_minute_of_silence_changes_no_word(listener: WhisperModel, speech: np.ndarray) -> None:
    gated = SpeechGate()(np.concatenate([silence(30), speech]))
    assert len(gated.wave) < len(speech) + SAMPLE_RATE
    assert word_errors(CLIP_WORDS, heard(listener, gated.wave)).wer <= 0.1


@pytest.mark.slow
def test_a_long_gap_does_not_garble_the_words_after_it(listener: WhisperModel, speech: np.ndarray) -> None:
    gated = SpeechGate()(np.concatenate([speech, silence(12), speech]))
    assert len(gated.cuts) == 1
    assert word_errors(f"{CLIP_WORDS} {CLIP_WORDS}", heard(listener, gated.wave)).wer <= 0.1


@pytest.mark.parametrize("begin", [1.0, 2.2, 3.4])
def test_a_third_of_a_second_of_speech_is_speech(speech: np.ndarray, begin: float) -> None:
    short = speech[round(begin * SAMPLE_RATE) : round((begin + 0.3) * SAMPLE_RATE)]
    gated = SpeechGate()(short)
    assert gated.has_speech or gated.doubtful
    if gated.has_speech:
        assert np.array_equal(gated.wave, short)
