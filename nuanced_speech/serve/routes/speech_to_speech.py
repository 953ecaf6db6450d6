"""``POST /v1/speech-to-speech/{voice_id}``: a recording in another voice, in ElevenLabs' shape.

Newer versions of their client call the same routes ``/v1/voice-changer/…``.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from fastapi.responses import Response, StreamingResponse

from nuanced_speech import audio
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import OWN_VOICE, SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import temporary_folder
from nuanced_speech.serve.audio_encoder import AudioEncoder, AudioFormat, audio_encoder
from nuanced_speech.serve.errors import ApiError, of_user_error
from nuanced_speech.serve.jobs import Job
from nuanced_speech.serve.routes.bodies import STREAM_HEADERS, decoded, file_bytes
from nuanced_speech.serve.schemas import LARGEST_SEED, checked_text
from nuanced_speech.serve.services import Services

MOST_REFINEMENT = 100

Format = Annotated[str, Query(max_length=40)]
Latency = Annotated[int | None, Query(ge=0, le=4)]
Text = Annotated[str | None, Form(max_length=4096)]


@dataclass(frozen=True, eq=False)
class _Asked:
    """A request that was checked: recordings ``[T]`` at 24 kHz, options and the audio format."""

    wave: np.ndarray
    reference: np.ndarray | None
    options: ConversionOptions
    form: AudioFormat
    mark: str


class Fields:
    """The fields of the form, as FastAPI reads them."""

    def __init__(
        self,
        audio: Annotated[UploadFile, File()],
        model_id: Annotated[str, Form(max_length=200)] = "eleven_multilingual_sts_v2",
        voice_settings: Text = None,
        seed: Annotated[int, Form(ge=0, le=LARGEST_SEED)] = 0,
        remove_background_noise: Annotated[bool, Form()] = False,
        file_format: Annotated[Literal["other", "pcm_s16le_16"], Form()] = "other",
        keep: Annotated[str, Form(max_length=100)] = "f0,rhythm,energy",
        path: Annotated[str, Form(max_length=20)] = "auto",
        language: Annotated[str | None, Form(max_length=20)] = None,
        text: Text = None,
        text_language: Annotated[str | None, Form(max_length=20)] = None,
        pitch_shift: Annotated[float, Form(ge=-48, le=48)] = 0.0,
        loudness: Annotated[float | None, Form(ge=-70, le=-5)] = None,
        refine: Annotated[int, Form(ge=0, le=MOST_REFINEMENT)] = 0,
        reference: Annotated[UploadFile | None, File()] = None,
    ) -> None:
        self.audio, self.reference, self.file_format = audio, reference, file_format
        self.voice_settings, self.texts = voice_settings, (keep, path, language, text, text_language)
        self.options: dict[str, Any] = {
            "keep": tuple(part.strip() for part in keep.split(",") if part.strip() not in ("", "none")),
            "path": path, "language": language or None, "text": text, "text_language": text_language or None,
            "pitch_shift": pitch_shift, "loudness": loudness, "refine": refine, "seed": seed,
        }  # fmt: skip


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["speech to speech"])

    async def checked(
        voice_id: str,
        fields: Annotated[Fields, Depends()],
        output_format: Format = "mp3_44100_128",
        enable_logging: bool = True,
        optimize_streaming_latency: Latency = None,
    ) -> _Asked:
        return await _asked(services, voice_id, fields, output_format)

    @routes.post("/v1/speech-to-speech/{voice_id}")
    @routes.post("/v1/voice-changer/{voice_id}", include_in_schema=False)
    async def convert(asked: Annotated[_Asked, Depends(checked)], request: Request) -> Response:
        """Convert a recording."""
        data = await services.queue.result(lambda job: _whole(services, asked, job), request.is_disconnected)
        return Response(data, media_type=asked.form.content_type)

    @routes.post("/v1/speech-to-speech/{voice_id}/stream")
    @routes.post("/v1/voice-changer/{voice_id}/stream", include_in_schema=False)
    async def convert_streamed(asked: Annotated[_Asked, Depends(checked)], request: Request) -> Response:
        """Convert a recording, and send the result while it is made."""
        chunks = await services.queue.stream(lambda job: _chunks(services, asked, job), request.is_disconnected, len)
        return StreamingResponse(chunks, media_type=asked.form.content_type, headers=STREAM_HEADERS)

    return routes


async def _asked(services: Services, voice_id: str, fields: Fields, output_format: str) -> _Asked:
    """A request, checked before any work.

    Raises:
        ApiError: whatever is wrong with it.
    """
    try:
        for text in (*fields.texts, voice_id):
            checked_text(text or "")
        if fields.voice_settings and not isinstance(json.loads(fields.voice_settings), dict):
            raise ValueError
    except (ValueError, RecursionError):
        raise ApiError(422, "voice_settings: give a JSON object as text", "voice_settings", "invalid_value") from None
    limits = services.config.limits
    try:
        form = AudioFormat.of_output(output_format)
        voice = (
            None
            if voice_id == OWN_VOICE or fields.reference is not None
            else services.voices.find(voice_id, "voice_id")
        )
        options = ConversionOptions(voice=voice, **fields.options)
    except UserError as error:
        raise of_user_error(error) from None
    data = await file_bytes(fields.audio, "audio", limits.body_bytes)
    wave = await decoded(services, data, "audio", fields.file_format)
    reference = None
    if fields.reference is not None:
        reference = await decoded(
            services, await file_bytes(fields.reference, "reference", limits.sample_bytes), "reference"
        )
    mark = f"{audio.SYNTHETIC}; voice: of a recording (clone)" if voice is None else voice.mark
    return _Asked(wave, reference, options, form, mark)


@contextmanager
def _options(asked: _Asked) -> Iterator[ConversionOptions]:
    """Options with the reference as a file, which is gone after the block."""
    if asked.reference is None:
        yield asked.options
        return
    with temporary_folder() as folder:
        path = folder / "reference.wav"
        audio.write(path, asked.reference, comment="")
        yield replace(asked.options, voice=path)


def _whole(services: Services, asked: _Asked, job: Job[bytes]) -> bytes:
    encoder = audio_encoder(asked.form, asked.mark)
    with _options(asked) as options:
        wave = services.engine.convert(asked.wave, options, job.check)
    return encoder.write(_counted(services, wave)) + encoder.finish()


def _chunks(services: Services, asked: _Asked, job: Job[bytes]) -> Iterator[bytes]:
    encoder: AudioEncoder = audio_encoder(asked.form, asked.mark)
    with _options(asked) as options:
        for wave in services.engine.converter.stream(asked.wave, options, sample_rate=SAMPLE_RATE):
            job.check()
            data = encoder.write(_counted(services, wave))
            if data:
                yield data
    yield encoder.finish()


def _counted(services: Services, wave: np.ndarray) -> np.ndarray:
    services.metrics.audio.labels("conversion").inc(len(wave) / SAMPLE_RATE)
    return wave
