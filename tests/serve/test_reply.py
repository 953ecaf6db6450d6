"""``POST /v1/reply``: a real question by HTTP, and what is refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from helpers import CLIP_WORDS, SAMPLE
from serve.running import Running

from nuanced_speech import audio
from nuanced_speech.audio.pcm import from_int16
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.errors import UserError
from nuanced_speech.dialogue.conversation import Conversation, Turn
from nuanced_speech.dialogue.local_model import LocalModel
from nuanced_speech.serve.config import ServeConfig
from nuanced_speech.serve.engine import Engine


def post(server: Running, clip: Path | bytes, **fields: str) -> httpx.Response:
    data = clip if isinstance(clip, bytes) else clip.read_bytes()
    return httpx.post(f"{server.url}/v1/reply", data=fields, files={"audio": ("q.flac", data)}, timeout=300)


def events(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line[5:]) for line in response.text.splitlines() if line.startswith("data:")]


@pytest.mark.slow
def test_a_question_is_heard_and_answered(server: Running, small_model: LocalModel, clip: Path) -> None:
    talk = Conversation("Answer with one short word.", (Turn("Hello?", "quiet", "Hello."),))
    response = post(server, clip, voice="af_heart", conversation=json.dumps(talk.to_json()), language="en")
    assert response.status_code == 200 and response.headers["content-type"].startswith("text/event-stream")
    heard, *steps, done = events(response)
    assert heard["type"] == "reply.heard" and heard["text"].lower().rstrip(".") == CLIP_WORDS
    written = "".join(step["delta"] for step in steps if step["type"] == "reply.text.delta")
    spoken = [step for step in steps if step["type"] == "reply.audio.delta"]
    samples = np.concatenate([np.frombuffer(base64.b64decode(step["audio"]), "<i2") for step in spoken])
    words = [word for step in spoken for word in step["timestamps"]]
    assert np.abs(samples).max() > 1000 and words[-1]["end_time"] <= len(samples) / 24_000
    assert done["type"] == "reply.done" and " ".join(written.split()).startswith(done["answer"])
    after = Conversation.from_json(done["conversation"])
    assert after.system == talk.system and after.turns[:-1] == talk.turns and after.turns[-1].answer == done["answer"]


@pytest.mark.slow
def test_an_answer_in_the_voice_of_a_recording(server: Running, small_model: LocalModel, clip: Path) -> None:
    """Only with its speaker's consent; the voice is kept nowhere."""
    files = {"audio": ("q.flac", clip.read_bytes()), "reference": ("a.flac", SAMPLE.read_bytes())}
    url = f"{server.url}/v1/reply"
    error = refused(httpx.post(url, files=files, timeout=60), 400)
    assert error["param"] == "consent" and "who agreed to what" in error["message"]
    response = httpx.post(url, data={"consent": "read for LibriVox", "language": "en"}, files=files, timeout=300)
    assert response.status_code == 200, response.text
    steps = events(response)
    deltas = [step["audio"] for step in steps if step["type"] == "reply.audio.delta"]
    spoken = np.concatenate([np.frombuffer(base64.b64decode(delta), "<i2") for delta in deltas])
    assert steps[-1]["type"] == "reply.done" and np.abs(spoken).max() > 1000
    assert not server.services.voices.kept()
    engine = server.services.engine
    voices = [engine.speaker(wave, "wave") for wave in (from_int16(spoken), audio.read(SAMPLE), audio.read(clip))]
    assert voices[0] @ voices[1] > voices[0] @ voices[2]


@pytest.mark.parametrize(("fields", "seconds", "param"), [({"voice": "af_heart"}, 2, "voice"), ({}, 61, "reference")])
def test_a_reference_is_short_and_alone(
    server: Running, small_model: LocalModel, clip: Path, tmp_path: Path, fields: dict[str, str], seconds: int,
    param: str,
) -> None:  # fmt: skip
    audio.write(tmp_path / "a.ogg", np.resize(audio.read(clip), seconds * audio.SAMPLE_RATE), comment="")
    files = {"audio": ("q.flac", clip.read_bytes()), "reference": ("a.ogg", (tmp_path / "a.ogg").read_bytes())}
    response = httpx.post(f"{server.url}/v1/reply", data={"consent": "me", **fields}, files=files, timeout=60)
    assert refused(response, 400)["param"] == param


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"voice": "nobody"}, "voice", "unknown voice"),
        ({"voice": "../me.pt"}, "voice", "is a file"),
        ({"conversation": "[1"}, "conversation", r"not a conversation \(no JSON\)"),
        ({"conversation": '{"version": 1, "system": "x", "turns": [3]}'}, "conversation", "a turn without question"),
        ({"system": "x" * 4001}, "system", "at most 4000"),
        ({"language": "xx"}, "language", "unknown language"),
        ({"seed": "-1"}, "seed", "give a number"),
    ],
)
def test_wrong_fields_are_refused_before_any_work(
    server: Running, clip: Path, fields: dict[str, str], param: str, message: str
) -> None:
    error = refused(post(server, clip, **fields), 400)
    assert error["param"] == param
    with pytest.raises(UserError, match=message):
        raise UserError(error["message"])


def test_no_question_and_no_audio(server: Running) -> None:
    assert refused(httpx.post(f"{server.url}/v1/reply", data={"voice": "own"}, files={}), 400)["param"] == "audio"
    assert refused(post(server, b"no audio"), 400)["param"] == "audio"


def refused(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def test_without_a_language_model_only_answers_are_refused(config: ServeConfig, converter: Converter) -> None:
    def missing() -> LocalModel:
        raise UserError("the weights of SmolLM2 are missing")

    engine = Engine(converter.models, converter=converter, language_model=missing)
    for _ in range(2):
        with pytest.raises(UserError, match="are missing"):
            _ = engine.replier
    with pytest.raises(UserError, match="llm_url: 'ftp://x' is no address"):
        ServeConfig(llm_url="ftp://x")
