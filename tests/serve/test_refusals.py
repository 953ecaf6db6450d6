"""What the server refuses, before any work: no model is loaded here."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from nuanced_speech.core.errors import UserError
from nuanced_speech.serve.app import create_app
from nuanced_speech.serve.config import Limits, ServeConfig

URL = "http://127.0.0.1:8880"
SPEECH = {"model": "tts-1", "input": "Good morning.", "voice": "alloy"}
TRANSCRIPTIONS, CONVERSION = "/v1/audio/transcriptions", "/v1/speech-to-speech/own"


def answer(config: ServeConfig, method: str, path: str, **options: Any) -> httpx.Response:
    """The answer of an application whose models are not loaded."""
    app = create_app(config)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
            return await client.request(method, path, **options)

    try:
        return asyncio.run(ask())
    finally:
        app.state.services.decoder.close()


@pytest.fixture
def local(tmp_path: Path) -> ServeConfig:
    return ServeConfig(voices=tmp_path, limits=Limits(body_bytes=1 << 20, characters=500, pause_seconds=20))


def check_error(response: httpx.Response, status: int, param: str | None) -> None:
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["param"] == param and error["message"] and "\n" not in error["message"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"voice": "nobody"}, "voice"),
        ({"voice": "/etc/passwd.pt"}, "voice"),
        ({"voice": "../voice.safetensors"}, "voice"),
        ({"voice": "af_bella(2)+nobody(1)"}, "voice"),
        ({"voice": "(" * 290}, "voice"),
        ({"voice": "1000*(af_bella - af_sky) + af_sky"}, "voice"),
        ({"speed": 4.5}, "speed"),
        ({"speed": "nan"}, "speed"),
        ({"response_format": "ogg"}, "response_format"),
        ({"stream_format": "x"}, "stream_format"),
        ({"input": ""}, "input"),
        ({"input": "x" * 501}, "input"),
        ({"input": "Yes. " * 50, "pause": 10}, "pause"),
        ({"input": "zero\0byte"}, "input"),
        # what the text itself asks for has the same limits
        ({"input": "Yes. [pause:15s] No. [pause:15s] Yes."}, "pause"),
        ({"input": "Yes. [pause:31s] No."}, "text"),
        ({"input": "Yes. [voice:nobody] No."}, "input"),
        ({"input": "Yes. [voice:/etc/passwd.pt] No."}, "input"),
        ({"input": "Yes. [voice:../voice.safetensors] No."}, "input"),
        ({"ssml": True, "input": "<speak>Yes."}, "ssml"),
        # 400 letters, each said by itself
        ({"ssml": True, "input": f"<speak><say-as interpret-as='characters'>{'ab' * 200}</say-as></speak>"}, "input"),
        ({"ssml": True, "input": "Yes."}, "ssml"),
        ({"loudness": 0}, "loudness"),
        ({"loudness": True}, "loudness"),
        ({"delivery": "not base64!"}, "delivery"),
        ({"delivery": base64.b64encode(b"not audio").decode()}, "delivery"),
    ],
)
def test_speech_that_cannot_be_made(local: ServeConfig, change: dict[str, Any], param: str) -> None:
    check_error(answer(local, "POST", "/v1/audio/speech", json={**SPEECH, **change}), 400, param)


@pytest.mark.parametrize("body", [b"{", b"[1]", b"null", b"[" * 90_000, b"\xff"])
def test_bodies_that_are_no_request(local: ServeConfig, body: bytes) -> None:
    assert answer(local, "POST", "/v1/audio/speech", content=body).status_code == 400


def test_an_id_that_is_gone_is_not_found(local: ServeConfig) -> None:
    check_error(
        answer(local, "POST", "/v1/audio/speech", json={**SPEECH, "voice": {"id": "voice_" + 24 * "0"}}), 404, "voice"
    )


@pytest.mark.parametrize(
    ("data", "param"),
    [
        ({}, "model"),
        ({"model": "w", "response_format": "x"}, "response_format"),
        ({"model": "w", "language": "xx"}, "language"),
        ({"model": "w", "prompt": "x" * 20_001}, "prompt"),
        ({"model": "w", "stream": "true", "response_format": "srt"}, "stream"),
        ({"model": "w", "temperature": "2"}, "temperature"),
    ],
)
def test_transcriptions_that_cannot_be_made(local: ServeConfig, data: dict[str, str], param: str) -> None:
    response = answer(local, "POST", TRANSCRIPTIONS, data=data, files={"file": ("a.wav", b"RIFF")})
    check_error(response, 400, param)


@pytest.mark.parametrize("tag", ["English", "e", "en_GB", "en-"])
def test_a_consent_in_no_language_is_refused(local: ServeConfig, tag: str) -> None:
    files = {"recording": ("a.wav", b"RIFF")}
    data = {"name": "Me", "language": tag}
    check_error(answer(local, "POST", "/v1/audio/voice_consents", data=data, files=files), 400, "language")


def test_elevenlabs_clients_get_their_shape_too(local: ServeConfig) -> None:
    response = answer(local, "POST", CONVERSION, data={"seed": "x"}, files={"audio": ("a.wav", b"RIFF")})
    assert response.status_code == 422
    assert set(response.json()["detail"][0]) == {"loc", "msg", "type"}
    loud = answer(local, "POST", CONVERSION, data={"loudness": "3"}, files={"audio": ("a.wav", b"RIFF")})
    assert loud.status_code == 422 and "loudness" in loud.json()["detail"][0]["loc"]
    wrong = ({"path": "direct", "text": "new"}, {"text_language": "fr"}, {"text": "new", "text_language": "xx"})
    for options in (*({"data": data} for data in wrong), {"params": {"output_format": "mp3_1_1"}}, {}):
        assert answer(local, "POST", CONVERSION, files={"audio": ("a.wav", b"RIFF")}, **options).status_code == 400


def test_foreign_hosts_and_pages_are_refused(local: ServeConfig) -> None:
    for headers in (
        {"host": "evil.example"},
        {"host": "10.0.0.1:8880"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
    ):
        check_error(answer(local, "GET", "/v1/models", headers=headers), 403, next(iter(headers)))
    for headers in ({"host": "localhost:1"}, {"host": "[::1]:8880"}, {"origin": URL}):
        if headers.get("origin") or "localhost" in headers["host"] or "::1" in headers["host"]:
            assert answer(local, "GET", "/v1/models", headers=headers).status_code == 200


def test_web_sockets_are_checked_too(local: ServeConfig) -> None:
    app, sent = create_app(local), []

    async def connect() -> None:
        async def receive() -> dict[str, str]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"127.0.0.1:8880"), (b"origin", b"http://evil.example")]
        await app({"type": "websocket", "path": "/", "headers": headers, "query_string": b""}, receive, send)

    asyncio.run(connect())
    assert [message["type"] for message in sent] == ["websocket.close"] and sent[0]["code"] == 1008


def test_a_token_is_asked_for(tmp_path: Path) -> None:
    config = ServeConfig(voices=tmp_path, host="0.0.0.0", token="secret")
    check_error(answer(config, "GET", "/v1/models"), 401, None)
    check_error(answer(config, "GET", "/v1/models", headers={"authorization": "Bearer wrong"}), 401, None)
    for headers in ({"authorization": "Bearer secret"}, {"xi-api-key": "secret"}):
        assert answer(config, "GET", "/v1/models", headers=headers).status_code == 200
    # an open address may be named by any address, but by no foreign name
    named = {"xi-api-key": "secret", "host": "10.0.0.1:8880"}
    assert answer(config, "GET", "/v1/models", headers=named).status_code == 200
    check_error(answer(config, "GET", "/v1/models", headers={**named, "host": "evil.example"}), 403, "host")
    assert answer(config, "GET", "/health").status_code == 200


@pytest.mark.parametrize(
    ("change", "message"),
    [({"host": "0.0.0.0"}, "^host: .*token"), ({"token": " "}, "^token: "), ({"port": 70_000}, "^port: ")],
)
def test_settings_that_are_not_safe(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ServeConfig(**change)


def test_large_requests_are_refused_announced_or_not(local: ServeConfig) -> None:
    check_error(answer(local, "POST", "/v1/audio/speech", content=b"x" * (1 << 20) + b"x"), 413, None)

    async def parts() -> Any:
        for _ in range(20):
            yield b"x" * (1 << 16)

    check_error(answer(local, "POST", "/v1/audio/speech", content=parts()), 413, None)


def test_what_is_not_there(local: ServeConfig) -> None:
    check_error(answer(local, "GET", "/nothing"), 404, None)
    check_error(answer(local, "GET", "/v1/models/nothing"), 404, "model")
    check_error(answer(local, "GET", "/v1/audio/speech"), 405, None)
