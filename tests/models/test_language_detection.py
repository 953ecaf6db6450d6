"""Where a recording's language is listened for."""

from __future__ import annotations

import numpy as np
import pytest

from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.constants import WHISPER_SAMPLE_RATE as RATE
from nuanced_speech.models.language_detection import LanguageDetectionConfig, mean_shares, speech_starts

CONFIG = LanguageDetectionConfig()


def noise(seconds: float, level: float = 0.1) -> np.ndarray:
    samples = round(seconds * RATE)
    return level * np.random.default_rng(0).standard_normal(samples).astype(np.float32)


def starts(*parts: np.ndarray) -> list[float]:
    return [start / RATE for start in speech_starts(np.concatenate(parts), CONFIG)]


def test_windows_begin_with_speech() -> None:
    silence = noise(40, 1e-4)
    assert starts(noise(5)) == [0]
    # a second of silence stays
    assert starts(silence, noise(5)) == pytest.approx([39], abs=0.11)
    # a short silence stays whole: what is transcribed begins with it too
    assert starts(silence[: RATE // 2], noise(5)) == [0]
    assert starts(noise(35), silence, noise(40)) == pytest.approx([0, 30, 74], abs=0.11)
    assert starts(noise(200)) == [0, 30, 60]


@pytest.mark.parametrize("samples", [0, 1, 100, 3 * RATE])
def test_where_nothing_is_said_the_beginning_is_heard(samples: int) -> None:
    assert list(speech_starts(np.zeros(samples, np.float32), CONFIG)) == [0]


def test_the_mean_of_several_windows() -> None:
    assert mean_shares([{"en": 0.5, "de": 0.5}, {"en": 0.1, "de": 0.9}]) == pytest.approx({"en": 0.3, "de": 0.7})


@pytest.mark.slow
def test_a_language_is_heard_behind_silence_and_behind_noise(converter: Converter) -> None:
    from nuanced_speech import audio
    from nuanced_speech.synthesis.text_to_speech import speak

    said = speak("Quisiera dos entradas para la función de las ocho.", "ef_dora", models=converter.models)
    spanish, base = audio.resample(said, audio.SAMPLE_RATE, RATE), converter.models.feature_extractor
    assert base.language(np.concatenate([noise(31, 1e-5), spanish])) == "es"
    # the first window is only noise
    assert base.language(np.concatenate([noise(31, 0.05), spanish])) == "es"
