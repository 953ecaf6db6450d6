"""Delivery: what is measured of a recording, and what other words in another voice take on of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from nuanced_speech import audio
from nuanced_speech.core.constants import SAMPLE_RATE, VOICED_HZ
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.f0 import f0 as track_f0
from nuanced_speech.models.kokoro import Kokoro, spread
from nuanced_speech.synthesis.delivery import Delivery, DeliveryAnalyzer, FittedDelivery, fit_delivery
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.voice.stock import stock_voices, style_of

if TYPE_CHECKING:
    from nuanced_speech.convert.converter import Converter
    from nuanced_speech.models.decoder import Decoder

SENTENCE = "The weather has been quite strange this week, and nobody expected rain."
WORDS = "I will call you again tomorrow, and then we can talk about the plan."


@dataclass(frozen=True)
class SpeechFigures:
    """Median F0 and range of F0 in octaves, seconds, and level in dBFS of a sentence."""

    log_f0: float
    f0_range: float
    seconds: float
    level_db: float

    @classmethod
    def of(cls, wave: np.ndarray) -> SpeechFigures:
        f0 = track_f0(wave)
        log_f0 = np.log2(f0[f0 > 0])
        low, middle, high = np.quantile(log_f0, (0.1, 0.5, 0.9))
        return cls(middle, high - low, len(wave) / SAMPLE_RATE, audio.active_level_db(wave, SAMPLE_RATE))


def manner(kokoro: Kokoro, octaves: float, widening: float, speed: float, level_db: float) -> np.ndarray:
    """A recording by a male voice in a manner that is known."""
    ids = kokoro.tokens(phonemize(SENTENCE))[None]
    style = style_of(stock_voices()["am_michael"], ids.shape[1] - 2)[None]
    with torch.no_grad():
        encoded = kokoro.encode_text(ids)
        prosody = kokoro.predict(encoded, style, speed=speed)
        curve = prosody.f0
        middle = torch.log2(curve[curve > VOICED_HZ]).median()
        moved = torch.exp2(middle + octaves + (torch.log2(curve.clamp(min=VOICED_HZ)) - middle) * widening)
        f0 = torch.where(curve > VOICED_HZ, moved, curve)
        wave = kokoro.decode(spread(encoded.content, prosody.durations), f0, prosody.energy, style[:, :128])[0].numpy()
    return wave * np.float32(10 ** ((level_db - audio.active_level_db(wave, SAMPLE_RATE)) / 20))


@pytest.mark.slow
def test_other_words_in_another_voice_take_on_the_delivery(converter: Converter, packaged_decoder: Decoder) -> None:
    """Excited and dull recordings of one voice: high or low, wide or flat, fast or slow, loud or quiet."""
    kokoro = converter.models.kokoro
    analyze = DeliveryAnalyzer(converter.models, analyzer=converter.analyzer)
    excited = analyze(manner(kokoro, 0.4, 1.4, 1.25, -24.0))
    dull = analyze(manner(kokoro, 0.0, 0.7, 0.8, -32.0))
    assert excited.lift - dull.lift == pytest.approx(0.4, abs=0.1)
    assert excited.f0_range > 1.5 * dull.f0_range

    def say(delivery: Delivery) -> SpeechFigures:
        synthesis = TextToSpeech(converter.models, decoder=packaged_decoder)
        return SpeechFigures.of(synthesis.speak(WORDS, "af_heart", delivery=delivery))

    high, low = say(excited), say(dull)
    assert high.log_f0 - low.log_f0 == pytest.approx(0.4, abs=0.15)
    assert high.f0_range > 1.3 * low.f0_range
    assert low.seconds > 1.3 * high.seconds
    assert high.level_db == pytest.approx(-24, abs=1) and low.level_db == pytest.approx(-32, abs=1)


def test_limits_hold(kokoro: Kokoro) -> None:
    """A delivery beyond all limits; one without phonemes keeps the voice's pace."""
    pack = stock_voices()["bf_emma"]
    wild = Delivery(5.0, 9.0, 0.0, pack[100, 128:], (phonemize(SENTENCE),), (1,))
    fitted = fit_delivery(wild, kokoro, pack)
    assert fitted.speed == 2.0 and fitted.widening == 2.2 and fitted.level_db == -16.0
    # the tone of this very voice changes next to nothing
    assert fitted.target - fitted.centre == pytest.approx(0.7, abs=0.05)
    assert fit_delivery(replace(wild, phonemes=(), units=()), kokoro, pack).speed == 1.0


def test_melody_moves_and_widens_what_is_voiced() -> None:
    fitted = FittedDelivery(torch.zeros(1), 1.0, 7.0, 7.5, 2.0, -20.0)
    moved = fitted.melody(torch.tensor([0.0, 5.0, 128.0, 256.0]))
    assert moved.tolist() == pytest.approx([0.0, 5.0, 2**7.5, 2**9.5])


def test_a_recording_without_a_voice_is_refused(converter: Converter) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    with pytest.raises(UserError, match="^like: there is no voice"):
        DeliveryAnalyzer(converter.models, analyzer=converter.analyzer)(noise)
