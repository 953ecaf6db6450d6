"""``POST /v1/audio/speech`` and its variant with captions: text in, speech out while it is made."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.serve.audio_encoder import AudioFormat, audio_encoder
from nuanced_speech.serve.engine import SpeechJob
from nuanced_speech.serve.errors import ApiError, described, of_user_error
from nuanced_speech.serve.jobs import Job
from nuanced_speech.serve.routes.bodies import STREAM_HEADERS, decoded, file_bytes, read_form
from nuanced_speech.serve.schemas import SpeechRequest, decoded_base64
from nuanced_speech.serve.services import Services
from nuanced_speech.synthesis.speaking import SpokenSentence, TimedText
from nuanced_speech.synthesis.speaking_config import PAUSES
from nuanced_speech.synthesis.text_to_speech import language_of
from nuanced_speech.text.frontend import written_segments
from nuanced_speech.text.notation import TextSegment, voices_named
from nuanced_speech.text.sentences import sentences
from nuanced_speech.text.ssml import from_ssml
from nuanced_speech.voice.stock import iso_639
from nuanced_speech.voicemaking.instructions import instructed

_SCHEMA = SpeechRequest.model_json_schema()
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {k: v for k, v in _SCHEMA.items() if k != "$defs"}}},
    }
}
BODY["requestBody"]["content"]["application/json"]["schema"]["properties"]["voice"] = {  # type: ignore[index]
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": 300},
        {"type": "object", "properties": {"id": {"type": "string", "minLength": 1}}, "required": ["id"]},
    ]
}


@dataclass(frozen=True, eq=False)
class _Asked:
    """A request that was checked, with its delivery recording ``[T]`` at 24 kHz if it has one."""

    body: SpeechRequest
    job: SpeechJob
    recording: np.ndarray | None
    headers: dict[str, str]

    @property
    def form(self) -> AudioFormat:
        """The audio format."""
        return AudioFormat.of_speech(self.body.response_format)


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.post("/v1/audio/speech", openapi_extra=BODY, tags=["speech"])
    async def speech(request: Request) -> Response:
        """Speak a text."""
        asked = await _asked(services, request)
        headers = {**STREAM_HEADERS, **asked.headers}
        if asked.body.stream_format == "sse":
            events = await services.queue.stream(
                lambda job: _events(services, asked, job), request.is_disconnected, len
            )
            return StreamingResponse(events, media_type="text/event-stream", headers=headers)
        chunks = await services.queue.stream(lambda job: _bytes(services, asked, job), request.is_disconnected, len)
        headers["Content-Disposition"] = f"attachment; filename=speech.{asked.form.suffix}"
        return StreamingResponse(chunks, media_type=asked.form.content_type, headers=headers)

    @routes.post("/dev/captioned_speech", openapi_extra=BODY, tags=["speech"])
    async def captioned(request: Request) -> Response:
        """Speak a text, with the times of its words: JSON lines, or one object if ``stream`` is false."""
        asked = await _asked(services, request)
        if asked.body.stream:
            lines = await services.queue.stream(lambda job: _lines(services, asked, job), request.is_disconnected, len)
            return StreamingResponse(lines, media_type="application/x-ndjson", headers=STREAM_HEADERS)
        whole = await services.queue.result(lambda job: list(_captioned(services, asked, job)), request.is_disconnected)
        words = [word for _, timed in whole for word in timed]
        return JSONResponse(_caption(asked.form, b"".join(data for data, _ in whole), words))

    return routes


async def _asked(services: Services, request: Request) -> _Asked:
    """A request, checked as far as it can be before any work.

    Raises:
        ApiError: a field that is wrong, an unknown voice, a text that is too long.
    """
    fields, data = await _fields(services, request)
    try:
        body = SpeechRequest.model_validate(fields)
        if data is None and body.delivery:
            data = decoded_base64(body.delivery)
    except ValidationError as error:
        param, message = described(error.errors())
        raise ApiError(400, message, param, "invalid_value") from None
    except ValueError as error:
        raise ApiError(400, str(error), "delivery", "invalid_value") from None
    body = _plain(services, body)
    find_in_text = partial(services.voices.find, param="input")
    for name in voices_named(_checked_text(services, body)):
        find_in_text(name)
    voice, headers = services.voices.find(body.voice_name), {}
    if body.instructions and body.instructions.strip():
        changed = instructed(voice, body.instructions)
        voice = changed.voice
        levels = ", ".join(f"{name} {level:+.1f}" for name, level in changed.levels.items())
        headers["X-Instructions-Understood"] = levels or "none"
    recording = None if data is None else await decoded(services, data, "delivery")
    job = SpeechJob(
        body.input, voice, find_in_text, body.language, body.speed, body.pause, body.seed, soon=body.stream,
        loudness=body.loudness,
    )  # fmt: skip
    return _Asked(body, job, recording, headers)


async def _fields(services: Services, request: Request) -> tuple[Any, bytes | None]:
    """The fields of a body in JSON or of a form, and the bytes of the form's recording."""
    if request.headers.get("content-type", "").startswith("multipart/"):
        form = await read_form(request)
        fields: dict[str, Any] = {name: value for name, value in form.items() if isinstance(value, str)}
        file = form.get("delivery")
        most = services.config.limits.sample_bytes
        return fields, await file_bytes(file, "delivery", most) if isinstance(file, UploadFile) else None
    try:
        return json.loads(await request.body()), None
    except (ValueError, RecursionError):
        raise ApiError(400, "the body is not JSON", None, "invalid_body") from None


def _plain(services: Services, body: SpeechRequest) -> SpeechRequest:
    """A request whose text is not too long, and no SSML any more.

    Raises:
        ApiError: it is too long, or no SSML that is understood.
    """
    most = services.config.limits.characters
    if len(body.input) > most:
        message = f"input: {len(body.input)} characters; at most {most} are possible: split the text"
        raise ApiError(400, message, "input", "string_above_max_length")
    if not body.ssml:
        return body
    voice = services.voices.find(body.voice_name)
    try:
        language = iso_639(language_of(voice, body.language))
        plain = from_ssml(body.input, language)
    except UserError as error:
        raise of_user_error(error) from None
    if len(plain) > most:
        message = f"input: {len(plain)} characters once the SSML is read; at most {most} are possible: split the text"
        raise ApiError(400, message, "input", "string_above_max_length")
    return body.model_copy(update={"input": plain})


def _checked_text(services: Services, body: SpeechRequest) -> list[TextSegment]:
    """The segments of the text, which has no more silence than is allowed.

    Raises:
        ApiError: it has, or a pause or a speed in it is not possible.
    """
    limits = services.config.limits
    try:
        pieces = written_segments(body.input)
    except UserError as error:
        raise of_user_error(error) from None
    ends = [sentence.end for piece in pieces for sentence in sentences(piece.text)]
    silence = body.pause * sum(PAUSES.after(end) for end in ends) + sum(piece.pause or 0.0 for piece in pieces)
    if silence > limits.pause_seconds:
        message = f"pause: {silence:.0f} s of silence in all; at most {limits.pause_seconds:.0f} s are possible"
        raise ApiError(400, message, "pause", "pause_too_long")
    return pieces


def _spoken(services: Services, asked: _Asked, job: Job[Any]) -> Iterator[SpokenSentence]:
    """Sentences as they are made, in the delivery of the recording if there is one."""
    speech_job = asked.job
    if asked.recording is not None:
        speech_job = replace(speech_job, delivery=services.engine.deliveries(asked.recording))
        job.check()
    for sentence in services.engine.speak(speech_job):
        services.metrics.audio.labels("speech").inc(len(sentence.audio) / SAMPLE_RATE)
        yield sentence


def _captioned(services: Services, asked: _Asked, job: Job[Any]) -> Iterator[tuple[bytes, list[TimedText]]]:
    """Bytes of one file piece by piece, each with the words that were spoken."""
    encoder = audio_encoder(asked.form, asked.job.voice.mark)
    for sentence in _spoken(services, asked, job):
        job.check()
        yield encoder.write(sentence.audio), sentence.words
    yield encoder.finish(), []


def _bytes(services: Services, asked: _Asked, job: Job[bytes]) -> Iterator[bytes]:
    return (data for data, _ in _captioned(services, asked, job) if data)


def _events(services: Services, asked: _Asked, job: Job[bytes]) -> Iterator[bytes]:
    """Server-sent events of OpenAI's shape; the times of words are an event of ours, where they are asked for."""
    units = 0
    for data, words in _captioned(services, asked, job):
        units += len(data)
        if data:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})
        if words and asked.body.return_timestamps:
            yield _event({"type": "speech.audio.timestamps", "timestamps": _shown(words)})
    word_count = len(asked.body.input.split())
    usage = {"input_tokens": word_count, "output_tokens": units, "total_tokens": word_count + units}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _lines(services: Services, asked: _Asked, job: Job[bytes]) -> Iterator[bytes]:
    for data, words in _captioned(services, asked, job):
        if data or words:
            yield json.dumps(_caption(asked.form, data, words), ensure_ascii=False).encode() + b"\n"


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _caption(form: AudioFormat, data: bytes, words: list[TimedText]) -> dict[str, Any]:
    """An object of Kokoro-FastAPI's shape."""
    return {
        "audio": base64.b64encode(data).decode(), "audio_format": form.content_type, "timestamps": _shown(words),
    }  # fmt: skip


def _shown(words: list[TimedText]) -> list[dict[str, Any]]:
    return [
        {"word": word.text, "start_time": round(word.start, 3), "end_time": round(word.end, 3)}
        for word in words
        if word.text
    ]
