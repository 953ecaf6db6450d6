"""The server as a whole: it finishes what runs when it is told to stop, and the example and the fuzzer use it."""

from __future__ import annotations

import runpy
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import soundfile
from helpers import CLIP, ROOT, benchmark
from serve.running import Running

from nuanced_speech import audio
from nuanced_speech.dialogue.local_model import LocalModel
from nuanced_speech.serve.config import ServeConfig
from nuanced_speech.serve.engine import Engine
from nuanced_speech.serve.server import Server, listening

SPEECH = {"model": "tts-1", "voice": "nova", "input": "Good morning. Then the bell rang.", "response_format": "pcm"}


def test_what_runs_is_finished_when_the_server_is_told_to_stop(config: ServeConfig, engine: Engine) -> None:
    config, ready, address = replace(config, port=0), threading.Event(), []

    def tell(url: str) -> None:
        address.append(url)
        ready.set()

    sock = listening(config)
    server = Server(config, tell, engine)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    assert ready.wait(60)
    with httpx.stream("POST", f"{address[0]}/v1/audio/speech", json=SPEECH, timeout=120) as response:
        chunks = response.iter_raw()
        first = next(chunks)
        server.handle_exit(signal.SIGTERM, None)
        rest = b"".join(chunks)
    thread.join(30)
    sock.close()
    assert not thread.is_alive()
    # both sentences
    assert len(rest) / 2 / 24_000 > 0.7 and (len(first) + len(rest)) / 2 / 24_000 > 1.8
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address[0]}/health")


def test_the_log_has_no_text(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    def lines() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.name == "nuanced_speech.serve.access"]

    with caplog.at_level("INFO", logger="nuanced_speech"):
        httpx.post(f"{server.url}/v1/audio/speech", json={**SPEECH, "input": "Xylophone!"}, timeout=60)
        until = time.monotonic() + 30
        while not lines() and time.monotonic() < until:  # the line follows the last byte of the answer
            time.sleep(0.01)
    assert len(lines()) == 1 and '"route": "/v1/audio/speech", "status": 200' in lines()[0]
    assert "ylophone" not in caplog.text


def test_the_example(
    server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "hello.wav"
    monkeypatch.setattr(sys, "argv", ["serve.py", "Good morning.", str(out), "bf_emma", server.url])
    runpy.run_path(str(ROOT / "examples" / "serve.py"), run_name="__main__")
    with soundfile.SoundFile(out) as file:
        assert file.samplerate == 24_000 and file.read(24_000).std() > 0.01
    assert "hello.wav" in capsys.readouterr().out


@pytest.mark.slow
def test_the_live_example(
    server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    audio.write(source, audio.read(CLIP)[:36_000], comment="")
    monkeypatch.setattr(sys, "argv", ["live.py", str(source), str(out), "bf_emma", server.url])
    runpy.run_path(str(ROOT / "examples" / "live.py"), run_name="__main__")
    assert 0.7 < soundfile.info(out).duration < 2 and "out.wav" in capsys.readouterr().out


def test_the_example_that_converts(
    server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    audio.write(source, audio.read(CLIP)[:36_000], comment="")
    monkeypatch.setattr(sys, "argv", ["change.py", str(source), str(out), "bf_emma", server.url])
    runpy.run_path(str(ROOT / "examples" / "change.py"), run_name="__main__")
    wave, _ = soundfile.read(out)
    assert len(wave) == 36_000 and wave.std() > 0.01 and "out.wav" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["change.py", str(source), str(out), "nobody", server.url])
    with pytest.raises(SystemExit, match="unknown voice"):
        runpy.run_path(str(ROOT / "examples" / "change.py"), run_name="__main__")


@pytest.mark.slow
def test_the_example_that_asks_a_question(
    server: Running,
    small_model: LocalModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "answer.wav"
    monkeypatch.setattr(sys, "argv", ["answer.py", str(CLIP), str(out), "bf_emma", server.url])
    runpy.run_path(str(ROOT / "examples" / "answer.py"), run_name="__main__")
    heard, answer = capsys.readouterr().out.splitlines()
    assert "mob" in heard and answer.startswith("answer: ") and len(answer) > 9
    assert audio.read(out).std() > 0.01
    monkeypatch.setattr(sys, "argv", ["answer.py", str(CLIP), str(out), "nobody", server.url])
    with pytest.raises(SystemExit, match="unknown voice"):
        runpy.run_path(str(ROOT / "examples" / "answer.py"), run_name="__main__")


@pytest.mark.slow
def test_mutated_uploads_and_made_up_requests_never_break_it(server: Running) -> None:
    fuzz = benchmark("serve_fuzz")
    uploads = fuzz.mutated_uploads(server.url, count=8, seed=1)
    assert sum(uploads.statuses.values()) == 8 and uploads.failures == []
    requests = fuzz.made_up_requests(server.url, examples=2)
    assert sum(requests.statuses.values()) > 20 and requests.failures == []
