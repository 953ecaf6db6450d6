"""``POST /v1/audio/transcriptions``: speech in, text out."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.whisper import TranscriptSegment, check_language
from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.jobs import Job
from nuanced_speech.serve.routes.bodies import (
    STREAM_HEADERS,
    decoded,
    read_form,
    required_file,
    required_text,
    text_field,
)
from nuanced_speech.serve.services import Services

FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
STREAMED = ("json", "text", "verbose_json")
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "model"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "model": {"type": "string", "minLength": 1},
                        "language": {"type": "string"},
                        "prompt": {"type": "string"},
                        "response_format": {"type": "string", "enum": list(FORMATS)},
                        "temperature": {"type": "number"},
                        "stream": {"type": "boolean"},
                        "timestamp_granularities[]": {
                            "type": "array",
                            "items": {"type": "string", "enum": ["word", "segment"]},
                        },
                    },
                }
            }
        },
    }
}


@dataclass(frozen=True, eq=False)
class _Asked:
    """A request that was checked: the recording ``[T]`` at 24 kHz, and what is wanted."""

    wave: np.ndarray
    language: str | None
    form: str
    words: bool
    segments: bool
    prompt: str | None
    temperature: float

    @property
    def duration(self) -> float:
        """Length of the recording in seconds."""
        return len(self.wave) / SAMPLE_RATE


@dataclass(frozen=True)
class _Text:
    """What was said: text, language, and segments whose times count from the beginning of the recording."""

    text: str
    language: str
    segments: list[TranscriptSegment]


def router(services: Services) -> APIRouter:
    """The route."""
    routes = APIRouter()

    @routes.post("/v1/audio/transcriptions", openapi_extra=BODY, tags=["transcriptions"])
    async def transcriptions(request: Request) -> Response:
        """Transcribe a recording."""
        form = await read_form(request)
        required_text(form, "model", 200)
        streamed = (text_field(form, "stream", "false") or "").lower() in ("true", "1")
        asked = await _asked(services, form, streamed)
        if streamed:
            events = await services.queue.stream(
                lambda job: _events(services, asked, job), request.is_disconnected, len
            )
            return StreamingResponse(events, media_type="text/event-stream", headers=STREAM_HEADERS)
        text = await services.queue.result(
            lambda job: _whole(asked, list(_transcripts(services, asked, job))), request.is_disconnected
        )
        return _response(asked, text)

    return routes


async def _asked(services: Services, form: Any, streamed: bool) -> _Asked:
    """A request, checked before any work.

    Raises:
        ApiError: whatever is wrong with it.
    """
    response_format = text_field(form, "response_format", "json") or "json"
    if response_format not in FORMATS:
        message = f"response_format: {response_format[:40]!r} is not possible: choose from {', '.join(FORMATS)}"
        raise ApiError(400, message, "response_format", "invalid_value")
    if streamed and response_format not in STREAMED:
        message = f"stream: {response_format} comes whole: stream {', '.join(STREAMED)}"
        raise ApiError(400, message, "stream", "invalid_value")
    language = (text_field(form, "language", None, 20) or "").strip().lower() or None
    if language is not None:
        try:
            check_language(language)
        except UserError as error:
            raise ApiError(400, f"language: {error}", "language", "invalid_value") from None
    temperature = _temperature(text_field(form, "temperature", "0") or "0")
    granularities = [*form.getlist("timestamp_granularities[]"), *form.getlist("timestamp_granularities")]
    for name in granularities:
        if name not in ("word", "segment"):
            message = "timestamp_granularities: choose word, segment or both"
            raise ApiError(400, message, "timestamp_granularities", "invalid_value")
    if "word" in granularities and response_format != "verbose_json":
        message = "timestamp_granularities: words need response_format verbose_json"
        raise ApiError(400, message, "timestamp_granularities", "invalid_value")
    prompt = text_field(form, "prompt", None, services.config.limits.characters)
    data = await required_file(form, "file", services.config.limits.body_bytes)
    wave = await decoded(services, data, "file")
    return _Asked(
        wave,
        language,
        response_format,
        "word" in granularities,
        not granularities or "segment" in granularities,
        prompt,
        temperature,
    )


def _temperature(text: str) -> float:
    try:
        value = float(text)
        if not 0 <= value <= 1:
            raise ValueError
    except ValueError:
        raise ApiError(400, "temperature: give a number from 0 to 1", "temperature", "invalid_value") from None
    return value


def _transcripts(services: Services, asked: _Asked, job: Job[Any]) -> Iterator[_Text]:
    """Stretches of the recording, transcribed."""
    parts = services.engine.transcriber.stretches(
        asked.wave, asked.language, asked.words, asked.prompt, asked.temperature, job.check
    )
    for transcript in parts:
        job.check()
        segments = [replace(piece, end=min(piece.end, asked.duration)) for piece in transcript.segments]
        yield _Text(transcript.text, transcript.language, segments)
    services.metrics.audio.labels("transcription").inc(asked.duration)


def _whole(asked: _Asked, parts: list[_Text]) -> _Text:
    text = " ".join(part.text for part in parts if part.text)
    language = parts[0].language if parts else asked.language or "en"
    return _Text(text, language, [piece for part in parts for piece in part.segments])


def _events(services: Services, asked: _Asked, job: Job[bytes]) -> Iterator[bytes]:
    """Server-sent events of OpenAI's shape."""
    whole, told = "", 0
    for part in _transcripts(services, asked, job):
        delta = f" {part.text}" if whole and part.text else part.text
        whole += delta
        if delta:
            yield _event({"type": "transcript.text.delta", "delta": delta})
        if asked.form == "verbose_json":
            for number, piece in enumerate(part.segments, told):
                yield _event({"type": "transcript.text.segment", **_streamed(asked, piece, number)})
            told += len(part.segments)
    yield _event({"type": "transcript.text.done", "text": whole})


def _streamed(asked: _Asked, piece: TranscriptSegment, number: int) -> dict[str, Any]:
    """A segment of a stream. Nobody tells speakers apart, so its speaker has no name."""
    shown = {
        "id": f"seg_{number}", "start": round(piece.start, 3), "end": round(piece.end, 3), "text": piece.text,
        "speaker": "",
    }  # fmt: skip
    return {**shown, "words": _words([piece])} if asked.words else shown


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _response(asked: _Asked, text: _Text) -> Response:
    if asked.form == "text":
        return PlainTextResponse(text.text + "\n")
    if asked.form == "srt":
        cues = (f"{k}\n{_cue(piece, ',')}" for k, piece in enumerate(text.segments, 1))
        return PlainTextResponse("\n".join(cues), media_type="application/x-subrip")
    if asked.form == "vtt":
        return PlainTextResponse("WEBVTT\n\n" + "\n".join(_cue(p, ".") for p in text.segments), media_type="text/vtt")
    if asked.form == "json":
        return JSONResponse({"text": text.text})
    return JSONResponse(_verbose(asked, text))


def _verbose(asked: _Asked, text: _Text) -> dict[str, Any]:
    from whisper.tokenizer import LANGUAGES

    body: dict[str, Any] = {
        "task": "transcribe", "language": LANGUAGES.get(text.language, text.language),
        "duration": round(asked.duration, 3), "text": text.text,
    }  # fmt: skip
    if asked.segments:
        body["segments"] = [
            {
                "id": k, "seek": 0, "start": round(piece.start, 3), "end": round(piece.end, 3), "text": piece.text,
                "tokens": [], "temperature": asked.temperature, "avg_logprob": piece.log_probability,
                "compression_ratio": piece.compression, "no_speech_prob": piece.no_speech,
            }
            for k, piece in enumerate(text.segments)
        ]  # fmt: skip
    if asked.words:
        body["words"] = _words(text.segments)
    return body


def _words(segments: list[TranscriptSegment]) -> list[dict[str, Any]]:
    return [
        {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)}
        for piece in segments
        for word in piece.words
    ]


def _cue(piece: TranscriptSegment, decimal: str) -> str:
    return f"{_clock(piece.start, decimal)} --> {_clock(piece.end, decimal)}\n{piece.text}\n"


def _clock(seconds: float, decimal: str) -> str:
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{decimal}{rest % 1000:03}"
