"""Live conversion over a WebSocket, as a client sees it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from helpers import CLIP
from serve.running import Running
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from nuanced_speech import audio
from nuanced_speech.audio.pcm import from_int16, to_int16
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.evaluate.metrics import cosine
from nuanced_speech.models.bank import ModelBank


@pytest.fixture
def address(server: Running) -> str:
    return server.url.replace("http", "ws") + "/v1/realtime/translations"


@pytest.fixture
def socket(address: str) -> Iterator[ClientConnection]:
    with connect(address) as connection:
        assert json.loads(connection.recv())["type"] == "session.created"
        yield connection


def send(socket: ClientConnection, kind: str, **fields: Any) -> None:
    socket.send(json.dumps({"type": kind, **fields}))


def transcription(asked: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"audio": {"input": {"transcription": asked}}}}


def receive(socket: ClientConnection, *kinds: str) -> dict[str, Any]:
    """The next event of some kinds."""
    while True:
        event = json.loads(socket.recv(timeout=120))
        if event["type"] in kinds:
            return event


@pytest.mark.slow
def test_what_is_spoken_comes_back_in_another_voice(socket: ClientConnection, models: ModelBank) -> None:
    asked = {"output": {"voice": "af_heart"}, "input": {"transcription": {"model": "whisper-1", "language": "en-GB"}}}
    send(socket, "session.update", session={"audio": asked})
    settings = receive(socket, "session.updated")["session"]["audio"]
    assert settings["output"]["voice"] == "af_heart" and settings["input"]["transcription"]["language"] == "en"
    clip = audio.read(CLIP)[:48_000]
    wave = np.concatenate([clip, np.zeros(SAMPLE_RATE, np.float32)])
    for k in range(0, len(wave), 4_800):
        pcm = base64.b64encode(to_int16(wave[k : k + 4_800]).tobytes()).decode()
        send(socket, "session.input_audio_buffer.append", audio=pcm)
    send(socket, "session.close")
    parts, figures = [], {}
    transcripts: dict[str, list[dict[str, Any]]] = {
        "session.input_transcript.delta": [], "session.output_transcript.delta": [],
    }  # fmt: skip
    while (
        event := receive(
            socket, "session.output_audio.delta", "session.figures", "session.closed", "error", *transcripts
        )
    )["type"] != "session.closed":
        if event["type"] == "session.figures":
            figures = event["figures"]
            continue
        if event["type"] in transcripts:
            transcripts[event["type"]].append(event)
            continue
        assert (event["sample_rate"], event["channels"], event["format"]) == (SAMPLE_RATE, 1, "pcm16")
        parts.append(from_int16(np.frombuffer(base64.b64decode(event["delta"]), "<i2")))
    made = np.concatenate(parts)
    assert 24_000 < len(made) < 60_000 and np.abs(made).max() > 0.05
    texts = ["".join(event["delta"] for event in events) for events in transcripts.values()]
    assert texts[0] == texts[1] and "a mob without any" in texts[0].lower()
    assert all(0 < event["elapsed_ms"] <= 3000 for events in transcripts.values() for event in events)
    assert figures["taken_seconds"] == 3 and figures["lost_seconds"] == 0
    embeddings = [models.speaker_encoder.embed(x, SAMPLE_RATE) for x in (clip, made)]
    assert cosine(*embeddings) < 0.75
    with pytest.raises(ConnectionClosed):
        socket.recv(timeout=20)


def test_a_socket_leaves_a_line_without_its_sound(address: str, caplog: pytest.LogCaptureFixture) -> None:
    def lines() -> list[dict[str, Any]]:
        return [json.loads(r.getMessage()) for r in caplog.records if r.name == "nuanced_speech.serve.access"]

    with caplog.at_level("INFO", logger="nuanced_speech"):
        with connect(address) as socket:
            assert json.loads(socket.recv())["type"] == "session.created"
        until = time.monotonic() + 30
        while not lines() and time.monotonic() < until:
            time.sleep(0.01)
    (line,) = lines()
    assert (line["method"], line["route"], line["status"]) == ("WEBSOCKET", "/v1/realtime/translations", 101)
    assert line["bytes"] > 100


@pytest.mark.slow
def test_blocks_come_back_while_the_speaker_goes_on(socket: ClientConnection) -> None:
    send(socket, "session.update", session={"audio": {"output": {"voice": "af_heart", "mode": "block"}}})
    assert receive(socket, "session.updated")["session"]["audio"]["output"]["reserve_ms"] == 400
    wave = audio.read(CLIP)[:36_000]
    pcm = base64.b64encode(to_int16(wave[:24_000]).tobytes()).decode()
    send(socket, "session.input_audio_buffer.append", audio=pcm)
    # before the end of what is spoken
    parts = [receive(socket, "session.output_audio.delta")]
    pcm = base64.b64encode(to_int16(wave[24_000:]).tobytes()).decode()
    send(socket, "session.input_audio_buffer.append", audio=pcm)
    send(socket, "session.close")
    while (event := receive(socket, "session.output_audio.delta", "session.closed"))["type"] != "session.closed":
        parts.append(event)
    waves = [from_int16(np.frombuffer(base64.b64decode(part["delta"]), "<i2")) for part in parts]
    assert len(waves) > 1 and 0 <= sum(map(len, waves)) - len(wave) < 600
    assert np.abs(np.concatenate(waves)).max() > 0.02


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ("no json", "JSON"),
        ("[1]", "JSON"),
        ({"type": "session.dance"}, "unknown event"),
        ({"type": "session.input_audio_buffer.append", "audio": "%%"}, "audio"),
        ({"type": "session.input_audio_buffer.append", "audio": "AA=="}, "audio"),
        ({"type": "session.input_audio_buffer.append"}, "audio"),
        ({"type": "session.update", "session": {"audio": {"output": {"voice": "nobody"}}}}, "voice"),
        ({"type": "session.update", "session": {"audio": {"output": {"voice": "/etc/passwd.pt"}}}}, "voice"),
        ({"type": "session.update", "session": {"audio": {"output": {"mode": "song"}}}}, "mode"),
        ({"type": "session.update", "session": {"audio": {"output": {"pitch_shift": "high"}}}}, "pitch_shift"),
        ({"type": "session.update", "session": {"audio": {"output": {"pitch_shift": 1e9}}}}, "pitch_shift"),
        ({"type": "session.update", "session": {"audio": 3}}, "session.audio"),
        ({"type": "session.update", "session": {"audio": {"input": {"transcription": 3}}}}, "transcription"),
        (
            {"type": "session.update", "session": {"audio": {"input": {"transcription": {"language": "xx"}}}}},
            "language",
        ),
        # the server's Whisper is tiny.en
        (
            {"type": "session.update", "session": {"audio": {"input": {"transcription": {"language": "de_AT"}}}}},
            "knows English only",
        ),
    ],
)
def test_a_wrong_event_is_an_error_and_the_session_goes_on(
    socket: ClientConnection, event: str | dict[str, Any], named: str
) -> None:
    socket.send(event if isinstance(event, str) else json.dumps(event))
    error = receive(socket, "error")["error"]
    assert error["type"] == "invalid_request_error" and named in error["message"]
    send(socket, "session.update", session={"audio": {"output": {"voice": "af_bella"}}})
    receive(socket, "session.updated")


def test_a_page_of_another_origin_is_refused(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(address, origin="http://evil.example")  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


def accepted(address: str) -> ClientConnection:
    """A session; the server may be about to end that of an earlier test."""
    until = time.monotonic() + 60
    while True:
        connection = connect(address)
        if json.loads(connection.recv(timeout=20))["type"] == "session.created":
            return connection
        connection.close()
        assert time.monotonic() < until
        time.sleep(0.1)


def test_more_than_the_server_takes_are_refused(address: str) -> None:
    one, two = accepted(address), accepted(address)
    with one, two, connect(address) as three:
        error = json.loads(three.recv(timeout=20))
        assert error["type"] == "error" and error["error"]["type"] == "rate_limit_error"
        with pytest.raises(ConnectionClosed):
            three.recv(timeout=20)
