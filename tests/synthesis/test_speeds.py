"""Speeds that Kokoro speaks itself, by voice."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.synthesis.speeds import KOKORO_SPEEDS, SpeedRange, measured_speeds, speed_range
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.voice.stock import stock_voices
from nuanced_speech.voice.voice import Voice


def test_the_packaged_table_has_stock_voices() -> None:
    assert measured_speeds() and set(measured_speeds()) <= set(stock_voices())
    assert all(0.5 <= one.slowest <= 1 <= one.fastest <= 2 for one in measured_speeds().values())


def test_voices_that_were_not_measured_have_the_default() -> None:
    measured = {"af_heart": SpeedRange(0.7, 1.1)}
    heart = Voice.load("af_heart")
    assert speed_range(heart, measured) == SpeedRange(0.7, 1.1)
    for other in (Voice.load("ff_siwis"), Voice.load("af_heart+am_adam"), Voice("af_heart", heart.pack)):
        assert speed_range(other, measured) == KOKORO_SPEEDS


def test_every_voice_of_a_text_is_spoken_at_its_own_speeds(
    models: ModelBank, packaged_decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kokoro speaks one voice at 2 itself, and the other at 1."""
    measured = {"bf_emma": SpeedRange(1.0, 2.0), "af_heart": SpeedRange(1.0, 1.0)}
    asked = []
    spoken = models.kokoro.content_and_prosody

    def content_and_prosody(*arguments: object, speed: float) -> object:
        asked.append(speed)
        return spoken(*arguments, speed=speed)

    monkeypatch.setattr(models.kokoro, "content_and_prosody", content_and_prosody)
    text = "Come in. [voice:af_heart] Come in."
    speech = TextToSpeech(models, decoder=packaged_decoder, kokoro_speeds=partial(speed_range, measured=measured))
    parts = list(speech.stream(text, "bf_emma", speed=2.0))
    assert asked == [2.0, 1.0] and all(np.isfinite(part.audio).all() for part in parts)
