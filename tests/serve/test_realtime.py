"""``/v1/realtime``: the ``openai`` package's own client talks with the server; turns of a stream; refusals."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from helpers import CLIP, CLIP_WORDS
from serve.running import Running

from nuanced_speech import audio
from nuanced_speech.dialogue.local_model import LocalModel
from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.realtime_settings import RealtimeSettings
from nuanced_speech.serve.turn_detection import TurnConfig, TurnDetector

openai = pytest.importorskip("openai", reason="the openai package is not installed")
SILENCE = np.zeros(audio.SAMPLE_RATE, np.float32)


def base64_of(wave: np.ndarray) -> str:
    return base64.b64encode(audio.to_int16(wave).astype("<i2").tobytes()).decode()


def chunks(wave: np.ndarray, size: int = 4800) -> Iterator[np.ndarray]:
    return (wave[at : at + size] for at in range(0, len(wave), size))


def connect(server: Running, **options: Any) -> Any:
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none")
    return client.realtime.connect(model="nuanced-speech", **options)


def until(connection: Any, kind: str) -> list[Any]:
    """Events up to and with one of a kind."""
    events = []
    while not events or events[-1].type != kind:
        events.append(connection.recv())
        assert events[-1].type != "error", events[-1]
    return events


@pytest.mark.slow
def test_a_spoken_turn_is_heard_and_answered(server: Running, small_model: LocalModel) -> None:
    """The server finds the turn by itself, and the answer comes in OpenAI's events."""
    with connect(server) as connection:
        assert until(connection, "session.created")[0].session.audio.input.turn_detection.type == "server_vad"
        session = {"type": "realtime", "instructions": "Say one word.", "audio": {"output": {"voice": "af_heart"}}}
        connection.session.update(session=session)
        assert until(connection, "session.updated")[-1].session.audio.output.voice == "af_heart"
        for chunk in chunks(np.concatenate([SILENCE, audio.read(CLIP), SILENCE])):
            connection.input_audio_buffer.append(audio=base64_of(chunk))
        events = until(connection, "response.done")
    kinds = [event.type for event in events]
    order = [
        "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
        "conversation.item.input_audio_transcription.completed", "response.output_audio_transcript.delta",
        "response.output_audio.delta", "response.output_audio.done", "response.done",
    ]  # fmt: skip
    assert [kind for kind in dict.fromkeys(kinds) if kind in order] == order
    found = {event.type: event for event in events}
    assert 500 < found["input_audio_buffer.speech_started"].audio_start_ms < 1400
    heard = found["conversation.item.input_audio_transcription.completed"].transcript
    assert heard.lower().rstrip(".") == CLIP_WORDS
    assert found["response.done"].response.status == "completed"
    sound = b"".join(base64.b64decode(event.delta) for event in events if event.type == "response.output_audio.delta")
    assert np.abs(np.frombuffer(sound, "<i2")).max() > 1000
    usage = found["response.done"].response.usage
    assert usage.input_tokens > 10 and 0 < usage.output_tokens <= 12
    words = "".join(event.delta for event in events if event.type == "response.output_audio_transcript.delta")
    assert found["response.output_audio_transcript.done"].transcript == words.strip()


@pytest.mark.slow
def test_a_text_is_answered_cancelled_and_wrong_events_are_told(server: Running, small_model: LocalModel) -> None:
    with connect(server) as connection:
        until(connection, "session.created")
        connection.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        until(connection, "session.updated")
        for send, message in (
            (lambda: connection.send({"type": "fly", "event_id": "mine"}), "unknown event"),
            (lambda: connection.response.create(), "there is no question"),
            (lambda: connection.response.cancel(), "no response is in progress"),
            (lambda: connection.input_audio_buffer.commit(), "at least 100 are needed"),
            (lambda: connection.input_audio_buffer.append(audio="%"), "give base64"),
            (lambda: connection.send({"type": "conversation.item.create", "item": {"type": "message"}}), "input_text"),
            (lambda: connection.send({"type": "session.update", "session": {"audio": 3}}), "give an object"),
        ):
            send()
            error = connection.recv()
            assert error.type == "error" and message in error.error.message
            assert (error.error.event_id == "mine") == (message == "unknown event")
        content = [{"type": "input_text", "text": "Tell me a long story about a dog and a cat."}]
        connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        connection.response.create()
        until(connection, "response.output_audio_transcript.delta")
        connection.response.cancel()
        done = until(connection, "response.done")[-1].response
        assert (done.status, done.status_details.reason) == ("cancelled", "client_cancelled")
        connection.input_audio_buffer.append(audio=base64_of(SILENCE))
        connection.input_audio_buffer.clear()
        until(connection, "input_audio_buffer.cleared")


def test_other_pages_and_hosts_are_refused(server: Running) -> None:
    from websockets.exceptions import InvalidHandshake

    for headers in ({"Origin": "https://example.com"}, {"Host": "example.com"}):
        with pytest.raises(InvalidHandshake), connect(server, extra_headers=headers) as connection:
            connection.recv()


def test_turns_of_a_stream() -> None:
    clip = audio.read(CLIP)
    stream = np.concatenate([SILENCE, clip, SILENCE, SILENCE, clip[: len(clip) // 2], SILENCE])
    for size in (480, 7001):
        detector = TurnDetector(TurnConfig(silence_ms=700), 60.0)
        events = [event for chunk in chunks(stream, size) for event in detector(chunk)]
        assert [event.kind for event in events] == ["started", "stopped"] * 2
        first, end, second, _ = events
        assert 700 < first.ms < 1300 and abs(second.ms - first.ms - 1000 * (len(clip) / audio.SAMPLE_RATE + 2)) < 150
        assert end.wave is not None and end.ms - first.ms == pytest.approx(
            1000 * len(end.wave) / audio.SAMPLE_RATE, abs=2
        )
        # the turn is that part of the stream
        at = round(first.ms / 1000 * audio.SAMPLE_RATE)
        assert np.array_equal(end.wave, stream[at : at + len(end.wave)])
        assert detector.seconds < 1.0
    # a turn without an end is ended
    detector = TurnDetector(TurnConfig(), 2.0)
    assert [event.kind for chunk in chunks(clip) for event in detector(chunk)][:3] == ["started", "stopped", "started"]


@pytest.mark.parametrize(
    ("session", "param"),
    [
        (3, "session"),
        ({"instructions": 3}, "session.instructions"),
        ({"audio": {"input": {"format": {"type": "audio/opus"}}}}, "session.audio.input.format"),
        ({"audio": {"output": {"format": {"type": "audio/pcmu", "rate": 24000}}}}, "session.audio.output.format"),
        ({"audio": {"output": {"format": {"type": "x", "rate": 0}}}}, "session.audio.output.format"),
        ({"output_modalities": ["text", "audio"]}, "session.output_modalities"),
        ({"audio": {"input": {"turn_detection": {"threshold": 2}}}}, "session.audio.input.turn_detection.threshold"),
        ({"audio": {"output": {"voice": 3}}}, "session.audio.output.voice"),
    ],
)
def test_wrong_settings(session: Any, param: str) -> None:
    with pytest.raises(ApiError) as error:
        RealtimeSettings().updated(session)
    assert error.value.param == param


def test_settings_are_kept_and_shown() -> None:
    turns = {"type": "server_vad", "silence_duration_ms": 900, "create_response": False}
    given = {"audio": {"input": {"turn_detection": turns, "transcription": {"language": "de"}}}, "instructions": "Hi."}
    settings = RealtimeSettings().updated(given).updated({"audio": {"output": {"voice": {"id": "af_heart"}}}})
    shown = json.loads(json.dumps(settings.shown("sess_1", "m")))
    assert shown["instructions"] == "Hi." and shown["audio"]["output"]["voice"] == "af_heart"
    detection = shown["audio"]["input"]["turn_detection"]
    assert detection["silence_duration_ms"] == 900 and detection["create_response"] is False
    assert shown["audio"]["input"]["transcription"]["language"] == "de"
    assert RealtimeSettings().updated({"audio": {"input": {"turn_detection": None}}}).turns is None
