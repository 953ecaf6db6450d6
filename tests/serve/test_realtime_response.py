"""``/v1/realtime``: what ``response.create`` may ask for, audio formats, and what a response cost."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serve.conversing import TONE, Scripted, Talk, talking

from nuanced_speech import audio
from nuanced_speech.audio import g711
from nuanced_speech.serve.audio_encoder import AudioFormat, audio_encoder


def test_a_response_may_be_asked_for_otherwise(tmp_path: Path) -> None:
    async def work(talk: Talk) -> None:
        own: dict[str, Any] = {"instructions": "Whisper.", "audio": {"output": {"voice": "bf_emma"}}}
        await talk.ask("Who?", **own, metadata={"topic": "names"})
        item = await talk.until("conversation.item.created")
        assert item["item"]["role"] == "user"
        assert (await talk.until("conversation.item.created"))["item"]["role"] == "assistant"
        response = (await talk.until("response.done"))["response"]
        assert response["metadata"] == {"topic": "names"} and response["output_modalities"] == ["audio"]
        assert (response["usage"]["input_tokens"], response["usage"]["total_tokens"]) == (40, 46)
        ((_, conversation, voice),) = talk.replier.asked
        assert conversation.system == "Whisper." and voice.name == "bf_emma"
        # the session's own settings are as they were
        await talk.ask("And now?")
        await talk.until("response.done")
        assert talk.replier.asked[1][1].system != "Whisper." and talk.replier.asked[1][2].name == "af_heart"
        for wrong, param in (
            ({"output_modalities": ["image"]}, "response.output_modalities"),
            ({"audio": {"output": {"voice": "nobody"}}}, "voice"),
        ):
            await talk.ask("Who?", **wrong)
            assert (await talk.until("error"))["error"]["param"] == param

    talking(Scripted(endless=False), tmp_path, work)


def test_an_answer_in_text_alone(tmp_path: Path) -> None:
    async def work(talk: Talk) -> None:
        await talk.ask("Who?", output_modalities=["text"])
        assert (await talk.until("response.content_part.added"))["part"] == {"type": "output_text", "text": ""}
        assert [(await talk.until("response.output_text.delta"))["delta"] for _ in "12"] == ["One, ", "two."]
        assert (await talk.until("response.output_text.done"))["text"] == "One, two."
        response = (await talk.until("response.done"))["response"]
        assert response["output_modalities"] == ["text"] and response["usage"]["total_tokens"] == 0
        assert response["output"][0]["content"] == [{"type": "output_text", "text": "One, two."}]
        assert talk.turns == [("Who?", "One, two.")]

    talking(Scripted(), tmp_path, work)


@pytest.mark.parametrize(("form", "codec", "law"), [("audio/pcmu", "ulaw", "mu"), ("audio/pcma", "alaw", "a")])
def test_telephone_sound_both_ways(tmp_path: Path, form: str, codec: str, law: g711.Law) -> None:
    async def work(talk: Talk) -> None:
        formats = {"input": {"format": {"type": form}, "turn_detection": None}, "output": {"format": {"type": form}}}
        await talk.send("session.update", session={"audio": formats})
        shown = (await talk.until("session.updated"))["session"]["audio"]
        assert shown["input"]["format"] == shown["output"]["format"] == {"type": form}
        # made by FFmpeg
        encoder = audio_encoder(AudioFormat(codec, g711.RATE))
        sent = encoder.write(TONE) + encoder.finish()
        for at in range(0, len(sent), 160):
            await talk.send("input_audio_buffer.append", audio=base64.b64encode(sent[at : at + 160]).decode())
        await talk.send("input_audio_buffer.commit")
        await talk.send("response.create")
        await talk.until("response.done")
        deltas = [event["delta"] for event in talk.all if event["type"] == "response.output_audio.delta"]
        heard = b"".join(map(base64.b64decode, deltas))
        assert correlation(audio.resample(g711.decode(heard, law), g711.RATE, audio.SAMPLE_RATE), TONE) > 0.99
        assert correlation(talk.replier.heard[0], TONE) > 0.99
        await talk.send("input_audio_buffer.append", audio="%")
        assert (await talk.until("error"))["error"]["message"] == f"audio: give base64 of {form}"

    talking(Scripted(endless=False), tmp_path, work)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Of two waves of the same length, but for some milliseconds."""
    assert abs(len(one) - len(other)) < 0.02 * audio.SAMPLE_RATE
    length = min(len(one), len(other))
    return float(np.corrcoef(one[:length], other[:length])[0, 1])
