"""The server with clients that nobody here wrote: openai, elevenlabs, curl."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import soundfile
from helpers import CLIP
from serve.running import Running

from nuanced_speech import audio
from nuanced_speech.audio.loudness import LoudnessMeter
from nuanced_speech.serve.audio_encoder import CONTENT_TYPES
from nuanced_speech.serve.consent_phrase import PHRASES
from nuanced_speech.serve.decode_upload import decode

TEXT = "Good morning."
# each paragraph is a run of its own, after which the work can stop
LONG = "Good morning to you.\n\n" * 40


@pytest.fixture(scope="module")
def client(server: Running) -> openai.OpenAI:
    return openai.OpenAI(api_key="none", base_url=f"{server.url}/v1", max_retries=0, timeout=120)


@pytest.fixture(scope="module")
def clip_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two seconds of real speech as a WAV file."""
    path = tmp_path_factory.mktemp("clips") / "clip.wav"
    audio.write(path, audio.read(CLIP)[: 2 * audio.SAMPLE_RATE], comment="")
    return path.read_bytes()


@pytest.mark.parametrize("form", ["mp3", "flac", "pcm"])
def test_openai_speech(client: openai.OpenAI, form: Any) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="nova", input=TEXT, response_format=form
    ) as response:
        assert response.headers["content-type"] == CONTENT_TYPES[form]
        assert response.headers["x-accel-buffering"] == "no"
        data = b"".join(response.iter_bytes())
    if form == "pcm":
        wave = np.frombuffer(data, "<i2") / 32768
    else:
        assert soundfile.info(io.BytesIO(data)).samplerate == audio.SAMPLE_RATE
        # libsndfile cannot read a FLAC stream, which does not tell its length; the server's decoder can
        wave = np.frombuffer(decode(data, 60), np.float32)
    assert 0.5 < len(wave) / audio.SAMPLE_RATE < 3 and np.abs(wave).max() > 0.05


def test_the_first_bytes_come_before_the_last_are_made(client: openai.OpenAI) -> None:
    text = "Good morning. The second sentence is a bit longer than the first."
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="nova", input=text, response_format="wav"
    ) as response:
        times = [time.monotonic() for _ in response.iter_bytes()]
    assert len(times) > 1 and times[-1] - times[0] > 0.05


def test_speech_events_and_words(server: Running) -> None:
    body = {
        "model": "tts-1", "voice": {"id": "af_heart"}, "input": TEXT, "response_format": "pcm", "stream_format": "sse",
        "return_timestamps": True, "instructions": "speak slowly and calmly", "speed": 1.5,
    }  # fmt: skip
    response = httpx.post(f"{server.url}/v1/audio/speech", json=body, timeout=120)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "pace" in response.headers["x-instructions-understood"]
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in events][-1] == "speech.audio.done"
    assert set(events[-1]["usage"]) == {"input_tokens", "output_tokens", "total_tokens"}
    sound = b"".join(base64.b64decode(e["audio"]) for e in events if e["type"] == "speech.audio.delta")
    words = [word for e in events if e["type"] == "speech.audio.timestamps" for word in e["timestamps"]]
    assert [word["word"] for word in words] == ["Good", "morning."]
    assert words[-1]["end_time"] <= len(sound) / 2 / audio.SAMPLE_RATE + 0.05


def test_captions(server: Running) -> None:
    body = {"model": "kokoro", "voice": "af_bella(2)+af_sky(1)", "input": TEXT, "stream": False}
    response = httpx.post(f"{server.url}/dev/captioned_speech", json=body, timeout=120).json()
    assert response["audio_format"] == "audio/mpeg" and base64.b64decode(response["audio"])
    assert [set(word) for word in response["timestamps"]] == [{"word", "start_time", "end_time"}] * 2


def test_ssml_is_spoken_as_loud_as_asked_for(server: Running) -> None:
    body = {
        "model": "tts-1", "voice": "af_heart", "input": f'<speak>{TEXT} <sub alias="Bye.">B</sub></speak>',
        "ssml": True, "loudness": -33, "response_format": "pcm", "stream": False,
    }  # fmt: skip
    response = httpx.post(f"{server.url}/dev/captioned_speech", json=body, timeout=120).json()
    assert [word["word"] for word in response["timestamps"]] == ["Good", "morning.", "Bye."]
    meter = LoudnessMeter()
    meter.push(np.frombuffer(base64.b64decode(response["audio"]), "<i2") / 32768)
    assert meter.lufs == pytest.approx(-33, abs=1.5)


def test_speech_takes_on_a_delivery(server: Running, tmp_path: Path) -> None:
    """The same recording twice, once at a quarter of the loudness: so the speech is quieter."""
    wave = audio.read(CLIP)[: 2 * audio.SAMPLE_RATE]
    levels = []
    for factor in (0.6, 0.1):
        path = tmp_path / f"{factor}.wav"
        audio.write(path, wave / np.abs(wave).max() * factor, comment="")
        fields = {"model": "tts-1", "voice": "am_adam", "input": TEXT, "response_format": "wav"}
        with path.open("rb") as file:
            files = {"delivery": file}
            response = httpx.post(f"{server.url}/v1/audio/speech", data=fields, files=files, timeout=120)
        assert response.status_code == 200, response.text
        sound, _ = soundfile.read(io.BytesIO(response.content), dtype="float32")
        levels.append(audio.active_level_db(sound, audio.SAMPLE_RATE))
    assert levels[0] - levels[1] == pytest.approx(15.6, abs=1.5)


def test_a_long_first_sentence_begins_with_its_first_clause(server: Running) -> None:
    """But not where the answer comes whole."""
    text = "Nobody expected rain on Thursday, and yet everyone had come by bicycle."
    body = {"model": "tts-1", "voice": "af_heart", "input": text, "response_format": "pcm"}
    url = f"{server.url}/dev/captioned_speech"
    lines = [json.loads(line) for line in httpx.post(url, json=body, timeout=120).text.splitlines()]
    assert [word["word"] for word in lines[0]["timestamps"]] == text.split()[:5] and len(lines) == 2
    whole = httpx.post(url, json={**body, "stream": False}, timeout=120).json()
    last, first = lines[0]["timestamps"][-1], lines[1]["timestamps"][0]
    before, after = whole["timestamps"][4:6]
    # the pause between the clauses is Kokoro's own there
    gap, own = first["start_time"] - last["end_time"], after["start_time"] - before["end_time"]
    assert abs(gap - own) > 0.005


def test_openai_transcriptions(client: openai.OpenAI, clip_bytes: bytes) -> None:
    file = ("clip.wav", clip_bytes)
    text = client.audio.transcriptions.create(model="whisper-1", file=file).text
    assert len(text.split()) > 2
    verbose = client.audio.transcriptions.create(
        model="whisper-1", file=file, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert verbose.text == text and verbose.duration == pytest.approx(2, abs=0.01) and verbose.language == "english"
    assert verbose.words and verbose.segments and verbose.words[-1].end <= 2.1
    assert " ".join(word.word for word in verbose.words).split() == text.split()
    streamed = list(client.audio.transcriptions.create(model="whisper-1", file=file, stream=True))
    assert streamed[-1].type == "transcript.text.done" and streamed[-1].text == text
    assert "".join(event.delta for event in streamed if event.type == "transcript.text.delta") == text
    # with segments where they are asked for
    asked: Any = {"response_format": "verbose_json", "timestamp_granularities": ["word"], "stream": True}
    *pieces, done = client.audio.transcriptions.create(model="whisper-1", file=file, **asked)
    segments = [event for event in pieces if event.type == "transcript.text.segment"]
    assert done.text == " ".join(segment.text for segment in segments) == text
    assert [segment.id for segment in segments] == [f"seg_{number}" for number in range(len(segments))]
    assert 1 < segments[-1].end <= 2.01 and segments[0].words[0]["word"] == text.split()[0]
    # a prompt says how words are written
    shouted = client.audio.transcriptions.create(
        model="whisper-1", file=file, prompt="YOU DON'T KNOW ABOUT ME, TOM SAWYER."
    ).text
    assert shouted != text and sum(map(str.isupper, shouted)) > 0.5 * sum(map(str.isalpha, shouted))


def test_a_temperature_reaches_whisper(
    client: openai.OpenAI, server: Running, clip_bytes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = server.services.engine.models.transcriber.model
    usual, told = network.decode, []

    def decode(part: Any, options: Any) -> Any:
        told.append(options.temperature)
        return usual(part, options)

    monkeypatch.setattr(network, "decode", decode)
    verbose = client.audio.transcriptions.create(
        model="whisper-1", file=("a.wav", clip_bytes), temperature=0.4, response_format="verbose_json"
    )
    assert verbose.segments and told == [verbose.segments[0].temperature] == [0.4]


@pytest.mark.parametrize(("form", "start"), [("srt", "1\n00:00:0"), ("vtt", "WEBVTT\n\n00:00:0"), ("text", "")])
def test_transcripts_as_files(client: openai.OpenAI, clip_bytes: bytes, form: Any, start: str) -> None:
    text = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", clip_bytes), response_format=form)
    assert str(text).startswith(start) and len(str(text).split()) > 2


def test_openai_models_and_errors(client: openai.OpenAI) -> None:
    assert "tts-1" in {model.id for model in client.models.list()}
    with pytest.raises(openai.BadRequestError) as refused:
        client.audio.speech.create(model="tts-1", voice="nobody", input=TEXT)
    assert refused.value.param == "voice" and refused.value.type == "invalid_request_error"


def test_elevenlabs_conversion(server: Running, clip_bytes: bytes) -> None:
    elevenlabs = pytest.importorskip("elevenlabs")
    client = elevenlabs.ElevenLabs(api_key="none", base_url=server.url)
    for convert, voice in ((client.speech_to_speech.convert, "af_heart"), (client.speech_to_speech.stream, "own")):
        chunks = convert(voice_id=voice, audio=io.BytesIO(clip_bytes), output_format="pcm_24000", seed=1)
        wave = np.frombuffer(b"".join(chunks), "<i2") / 32768
        assert len(wave) == 2 * audio.SAMPLE_RATE and np.abs(wave).max() > 0.02


def test_curl(server: Running, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    out, body = (
        tmp_path / "speech.opus",
        json.dumps({"model": "kokoro", "input": TEXT, "voice": "echo", "response_format": "opus"}),
    )
    command = [
        curl,
        "-sf",
        f"{server.url}/v1/audio/speech",
        "-H",
        "Content-Type: application/json",
        "-d",
        body,
        "-o",
        out,
    ]
    subprocess.run(command, check=True, timeout=120)
    assert 0.5 < soundfile.info(out).duration < 3


def test_a_client_that_goes_away_stops_the_work(server: Running) -> None:
    queue = server.services.queue
    stopped = queue.stopped
    body = {"model": "tts-1", "voice": "nova", "input": LONG, "response_format": "pcm", "pause": 0.2}
    with httpx.stream("POST", f"{server.url}/v1/audio/speech", json=body, timeout=120) as response:
        next(response.iter_raw())
    deadline = time.monotonic() + 60
    while queue.running and time.monotonic() < deadline:
        time.sleep(0.1)
    assert queue.running == 0 and queue.stopped == stopped + 1


@pytest.mark.slow
def test_a_voice_is_cloned_with_consent_only(server: Running, consent: tuple[Path, Path], tmp_path: Path) -> None:
    """A voice reads the consent phrase and a sample; another voice that reads the phrase did not consent for it, and
    other words are no consent."""
    (start, sample), stranger = consent, tmp_path / "stranger.wav"
    fields = {
        "model": "tts-1",
        "voice": "bf_emma",
        "input": PHRASES["en"],
        "response_format": "wav",
    }
    stranger.write_bytes(httpx.post(f"{server.url}/v1/audio/speech", json=fields, timeout=120).content)

    def post(path: str, data: dict[str, str], name: str, file: Path) -> httpx.Response:
        return httpx.post(server.url + path, data=data, files={name: file.read_bytes()}, timeout=300)

    names = {"name": "Me", "language": "en-US"}
    error = post("/v1/audio/voice_consents", names, "recording", CLIP).json()["error"]
    assert (error["code"], error["param"]) == ("consent_phrase_mismatch", "recording")
    assert PHRASES["en"] in error["message"] and "mob" in error["message"]
    consents = []
    for recording in (start, stranger):
        made = post("/v1/audio/voice_consents", names, "recording", recording).json()
        assert made["object"] == "audio.voice_consent" and made["name"] == "Me" and made["language"] == "en-US"
        consents.append(made["id"])
    first = httpx.get(f"{server.url}/v1/audio/voice_consents", params={"limit": 1}).json()
    assert len(first["data"]) == 1 and first["has_more"]
    listed = httpx.get(f"{server.url}/v1/audio/voice_consents", params={"limit": 100}).json()["data"]
    # other tests of this server may have given theirs
    assert [item["id"] for item in listed if item["id"] in consents] == consents
    refused = [
        post("/v1/audio/voices", {"name": "My voice", "consent": given}, "audio_sample", recording).json()["error"][
            "code"
        ]
        for given, recording in ((consents[1], sample), (consents[0], start), ("cons_none", sample))
    ]
    assert refused == ["voice_mismatch", "sample_is_consent", "consent_not_found"]
    voices = server.services.config.voices
    # other tests of this server may have kept voices, and removed them
    assert not voices.exists() or list(voices.iterdir()) == []
    made = post("/v1/audio/voices", {"name": "My voice", "consent": consents[0]}, "audio_sample", sample).json()
    assert made["object"] == "audio.voice" and made["name"] == "My voice"
    for voice in ({"id": made["id"]}, "My voice"):
        response = httpx.post(f"{server.url}/v1/audio/speech", json={**fields, "voice": voice}, timeout=120)
        assert response.status_code == 200 and b"My voice (clone)" in response.content
    assert httpx.delete(f"{server.url}/v1/audio/voices/{made['id']}").json()["deleted"]
    assert list(voices.iterdir()) == []


def test_health_metrics_and_voices(server: Running) -> None:
    assert httpx.get(f"{server.url}/health").json()["status"] == "healthy"
    page = httpx.get(f"{server.url}/metrics").text
    assert 'nuanced_speech_requests_total{method="GET",route="/health",status="200"}' in page and "jobs_waiting" in page
    voices = {voice["id"] for voice in httpx.get(f"{server.url}/v1/audio/voices").json()["voices"]}
    assert {"af_heart", "alloy"} <= voices
