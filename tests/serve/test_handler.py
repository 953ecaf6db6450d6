"""The handler of serverless platforms: its answers, what it refuses, and its entry point."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from helpers import ROOT

from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.errors import UserError
from nuanced_speech.serve.fetching import Fetcher
from nuanced_speech.serve.handler import Handler, HandlerConfig
from nuanced_speech.serve.handler_server import EventServer, opened

if TYPE_CHECKING:
    from nuanced_speech.convert.converter import Converter


@pytest.fixture(scope="module")
def recording(clip: Path) -> bytes:
    """A second and a half of speech, as a file's bytes."""
    wave, rate = soundfile.read(clip, stop=24_000)
    file = io.BytesIO()
    soundfile.write(file, wave, rate, format="FLAC")
    return file.getvalue()


@pytest.fixture(scope="module")
def store(recording: bytes) -> Iterator[str]:
    """The address (host and port) of a server with a recording, a large file, and a redirect to the recording."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if self.path == "/moved" else 200)
            if self.path == "/moved":
                self.send_header("Location", "/clip.flac")
            self.end_headers()
            self.wfile.write(recording if self.path == "/clip.flac?x=1" else bytes(300_000))

        def log_message(self, format: str, *values: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def handler(converter: Converter, store: str) -> Handler:
    fetcher = Fetcher((store,), most_bytes=200_000, seconds=5, schemes=("https", "http"))
    return Handler(HandlerConfig(path="direct", fetcher=fetcher, body_bytes=200_000, seconds=3.0), converter)


def samples(answer: dict[str, Any]) -> np.ndarray:
    return soundfile.read(io.BytesIO(base64.b64decode(answer["audio"])), dtype="int16")[0]


def test_bytes_and_addresses_become_what_the_converter_makes(
    handler: Handler, converter: Converter, recording: bytes, store: str, tmp_path: Path
) -> None:
    event = {"audio": base64.b64encode(recording).decode(), "voice": "af_heart", "path": "direct"}
    answer = handler({"input": event})
    assert answer["content_type"] == "audio/wav" and answer["path"] == "direct" and "synthetic" in answer["comment"]
    (tmp_path / "clip.flac").write_bytes(recording)
    options = ConversionOptions(voice="af_heart", path="direct")
    converter.convert(tmp_path / "clip.flac", options, output=tmp_path / "out.wav")
    np.testing.assert_array_equal(samples(answer), soundfile.read(tmp_path / "out.wav", dtype="int16")[0])
    fetched = handler({"url": f"http://{store}/clip.flac?x=1", "voice": "af_heart", "format": "mp3"}, object())
    assert fetched["format"] == "mp3" and abs(fetched["seconds"] - 1.5) < 0.01


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("audio", "the event is no object"),
        ({"input": 3}, "input: give an object"),
        ({}, "give audio (base64) or url, one of the two"),
        ({"audio": "AA==", "url": "https://a/"}, "one of the two"),
        ({"audio": "no base64"}, "not base64"),
        ({"audio": 5}, "audio: give a string"),
        ({"audio": "A" * 400_000}, "too large: at most 200000 bytes"),
        ({"audio": "AAAA"}, "not audio"),
        ({"audio": "AAAA", "output": "x.wav"}, "output: unknown field"),
        ({"audio": "AAAA", "seed": True}, "seed: give a value of type int"),
        ({"audio": "AAAA", "format": "exe"}, "cannot be written"),
        ({"audio": "AAAA", "text": "a" * 5000}, "at most 4096 characters"),
        ({"audio": "AAAA", "keep": [1]}, "keep: give a list of names"),
        ({"audio": "AAAA", "voice": "/etc/passwd"}, "is a file"),
        ({"audio": "AAAA", "voice": "someone.wav"}, "is a file"),
        ({"audio": "AAAA", "voice": "nobody"}, "nobody"),
        ({"url": "http://169.254.169.254/latest"}, "not fetched from 169.254.169.254"),
        ({"url": "file:///etc/passwd"}, "must begin with https://"),
        ({"url": "https://["}, "no address"),
    ],
)
def test_refusals_are_one_line(handler: Handler, event: object, message: str) -> None:
    answer = handler(event)
    assert answer.keys() == {"error"} and message in answer["error"] and "\n" not in answer["error"], answer


def test_a_long_recording_is_refused(handler: Handler) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(32_000), 8000, format="FLAC")
    assert "too long: 4 s" in handler({"audio": base64.b64encode(file.getvalue()).decode()})["error"]


def test_only_allowed_hosts_are_asked_and_nothing_is_followed(store: str) -> None:
    fetch = Fetcher((store,), most_bytes=200_000, schemes=("http",))
    for url, message in (
        (f"http://{store}/moved", "points elsewhere"),
        (f"http://{store}/large", "too large"),
        (f"http://user@{store}/clip.flac", "not allowed"),
        (f"http://{store.split(':')[0]}/clip.flac", "not allowed"),
        (f"https://{store}/clip.flac", "must begin with http://"),
    ):
        with pytest.raises(UserError, match=message):
            fetch(url)
    with pytest.raises(UserError, match="cannot be fetched"):
        Fetcher(("127.0.0.1:9",), schemes=("http",))("http://127.0.0.1:9/clip")


def test_a_fault_is_no_traceback(converter: Converter, recording: bytes) -> None:
    broken = Handler(HandlerConfig(path="direct"), object())  # type: ignore[arg-type]
    assert "the conversion failed" in broken({"audio": base64.b64encode(recording).decode()})["error"]


def test_settings_come_from_the_environment() -> None:
    named = {
        "NUANCED_SPEECH_DECODER": "fast",
        "NUANCED_SPEECH_WHISPER": "",
        "NUANCED_SPEECH_FETCH_HOSTS": "a.org, b.org",
    }
    config = HandlerConfig.from_environment(named)
    assert (config.decoder, config.whisper, config.fetcher.hosts) == ("fast", "base", ("a.org", "b.org"))
    with pytest.raises(UserError, match="nothing.safetensors"):
        Handler(HandlerConfig(decoder="nothing.safetensors"))


def test_events_by_http_are_bounded() -> None:
    with EventServer(("127.0.0.1", 0), lambda event: {"event": event}, 300) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for body, status in ((b"[1]", 200), (b"[1", 400), (bytes(1 << 17), 413)):
            request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}/invoke", data=body)
            try:
                with urllib.request.urlopen(request) as answer:
                    assert (answer.status, json.load(answer)) == (status, {"event": [1]})
            except urllib.error.HTTPError as error:
                assert error.code == status and json.load(error)["error"]
        server.shutdown()


def test_an_event_that_is_under_way_is_answered_before_the_end() -> None:
    begun, free, answers = threading.Event(), threading.Event(), list[Any]()

    def handle(event: object) -> dict[str, Any]:
        begun.set()
        free.wait(20)
        return {"done": event}

    server = EventServer(("127.0.0.1", 0), handle, 300)
    url = f"http://127.0.0.1:{server.server_port}/"
    asking = threading.Thread(target=lambda: answers.append(json.load(urllib.request.urlopen(url, b"[1]"))))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    asking.start()
    assert begun.wait(20)
    ending = threading.Thread(target=server.finish)
    ending.start()
    # the server itself looks twice a second whether it is to end
    ending.join(0.8)
    assert ending.is_alive()
    free.set()
    ending.join(20)
    asking.join(20)
    assert not ending.is_alive() and answers == [{"done": [1]}]
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, b"[1]", timeout=5)


def test_an_event_that_is_still_coming_is_answered_before_the_end() -> None:
    server = EventServer(("127.0.0.1", 0), lambda event: {"done": event}, 300)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.create_connection(("127.0.0.1", server.server_port), 20) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n[")
        time.sleep(0.3)
        ending = threading.Thread(target=server.finish)
        ending.start()
        ending.join(0.8)
        assert ending.is_alive()
        client.sendall(b"1]")
        answer = b""
        while not answer.endswith(b'{"done": [1]}'):
            answer += client.recv(4096)
        assert b"200 OK" in answer
        ending.join(20)
        assert not ending.is_alive()
        # on the same connection, no more are taken
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n[2]")
        assert b"503" in client.recv(4096)


@pytest.mark.parametrize("port", ["eighty", "-1", "70000", "²"])
def test_a_port_that_is_none_is_one_line(port: str) -> None:
    with pytest.raises(UserError, match=f"PORT: '{port}' is no port"):
        opened(lambda event: {}, 300, {"PORT": port})


def test_a_port_that_is_taken_is_one_line() -> None:
    with (
        opened(lambda event: {}, 300, {"PORT": "0"}) as taken,
        pytest.raises(UserError, match=f"cannot listen on port {taken.server_port}"),
    ):
        opened(lambda event: {}, 300, {"PORT": str(taken.server_port)})


@pytest.mark.slow
def test_the_entry_point_of_the_container_converts(recording: bytes) -> None:
    with EventServer(("127.0.0.1", 0), lambda event: {}, 0) as free:
        port = free.server_port
    settings = {"PORT": str(port), "NUANCED_SPEECH_PATH": "direct", "NUANCED_SPEECH_DECODER": "fast"}
    environment, command = {**os.environ, **settings}, [sys.executable, "-m", "nuanced_speech.serve.handler_server"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            event = json.dumps({"audio": base64.b64encode(recording).decode(), "voice": "af_heart"}).encode()
            answer = _posted(f"http://127.0.0.1:{port}/", event, process)
            assert answer["path"] == "direct" and len(samples(answer)) == 36_000
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def _posted(url: str, data: bytes, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The answer to an event, as soon as the port is open."""
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=data)) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            assert process.poll() is None, "the entry point has ended"
            time.sleep(0.2)
