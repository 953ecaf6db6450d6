"""Lists of voices, consents, and custom voices that are cloned with them."""

import hashlib
import re
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.datastructures import FormData

from nuanced_speech.core.progress import Progress
from nuanced_speech.serve.consent_phrase import check_phrase, language_of
from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.jobs import Job
from nuanced_speech.serve.routes.bodies import decoded, read_form, required_file, required_text, text_field
from nuanced_speech.serve.services import Services
from nuanced_speech.serve.voices import KeptVoice, new_id

# Form of a BCP 47 tag: language, then script, region and variants.
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
# Likeness of two recordings from which on they are of one speaker: even odds.
ONE_SPEAKER = 0.5


def _form(required: list[str], **fields: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": fields}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


_NAME, _FILE = {"type": "string", "minLength": 1, "maxLength": 100}, {"type": "string", "format": "binary"}
CONSENT_BODY = _form(["name", "recording"], name=_NAME, recording=_FILE, language={"type": "string"})
RENAME_BODY = _form(["name"], name=_NAME)
VOICE_BODY = _form(["name", "audio_sample", "consent"], name=_NAME, audio_sample=_FILE, consent=_NAME)


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["voices"])
    _add_consents(routes, services)
    most = services.config.limits.sample_bytes

    @routes.get("/v1/audio/voices")
    async def voices() -> dict[str, Any]:
        """List all voices."""
        return {"voices": services.voices.listed()}

    @routes.post("/v1/audio/voices", openapi_extra=VOICE_BODY)
    async def make_voice(request: Request) -> dict[str, Any]:
        """Clone a voice with its speaker's consent, and keep it."""
        form = await read_form(request)
        name, consent = required_text(form, "name"), services.consents.get(required_text(form, "consent"))
        services.voices.check_room()
        wave = await decoded(services, await required_file(form, "audio_sample", most), "audio_sample")
        words = f"{consent.name}, {consent.language or 'language not told'}: {consent.words}"

        def work(job: Job[KeptVoice]) -> KeptVoice:
            _check_same(services, wave, consent.embedding, consent.digest, job.check)
            made = services.engine.clone(wave, new_id(), words, job.check)
            job.check()
            return services.voices.keep(made, name, consent.id)

        return _shown(await services.queue.result(work, request.is_disconnected))

    @routes.get("/v1/audio/voices/{voice_id}")
    async def voice(voice_id: str) -> dict[str, Any]:
        """One custom voice."""
        for kept in services.voices.kept():
            if kept.id == voice_id:
                return _shown(kept)
        raise ApiError(404, f"there is no custom voice {voice_id[:60]!r}", "voice_id", "voice_not_found")

    @routes.delete("/v1/audio/voices/{voice_id}")
    async def delete_voice(voice_id: str) -> dict[str, Any]:
        """Delete a custom voice."""
        services.voices.delete(voice_id)
        return {"object": "audio.voice", "id": voice_id, "deleted": True}

    return routes


def _add_consents(routes: APIRouter, services: Services) -> None:
    most = services.config.limits.sample_bytes
    path = "/v1/audio/voice_consents"

    @routes.post(path, openapi_extra=CONSENT_BODY)
    async def give_consent(request: Request) -> dict[str, Any]:
        """Record a speaker's consent to the cloning of the voice: the consent phrase, read aloud."""
        form = await read_form(request)
        name, language = required_text(form, "name"), _language(form)
        wave = await decoded(services, await required_file(form, "recording", most), "recording")
        spoken = language_of(language, services.config.whisper.endswith(".en"))

        def work(job: Job[tuple[np.ndarray, str]]) -> tuple[np.ndarray, str]:
            embedding = services.engine.speaker(wave, "recording", job.check)
            job.check()
            return embedding, " ".join(
                part.text for part in services.engine.transcriber.stretches(wave, spoken, False, check=job.check)
            )

        embedding, words = await services.queue.result(work, request.is_disconnected)
        check_phrase(words, spoken, services.config.limits.consent_errors)
        return services.consents.add(name, language, embedding, _digest(wave), words).shown()

    @routes.get(path)
    async def consents(after: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> dict[str, Any]:
        """List the consents, the oldest first."""
        kept, more = services.consents.page(after, limit)
        rows = [consent.shown() for consent in kept]
        ids = [consent["id"] for consent in rows] or [None]
        return {"object": "list", "data": rows, "first_id": ids[0], "last_id": ids[-1], "has_more": more}

    @routes.get(path + "/{consent_id}")
    async def consent(consent_id: str) -> dict[str, Any]:
        """One consent."""
        return services.consents.get(consent_id, "consent_id").shown()

    @routes.post(path + "/{consent_id}", openapi_extra=RENAME_BODY)
    async def rename_consent(consent_id: str, request: Request) -> dict[str, Any]:
        """Give a consent another name."""
        services.consents.get(consent_id, "consent_id")
        if request.headers.get("content-type", "").startswith("application/json"):
            try:
                name = (await request.json())["name"]
            except (ValueError, TypeError, KeyError, RecursionError):
                name = None
            if not isinstance(name, str) or not 1 <= len(name) <= 100:
                raise ApiError(400, "name: give 1 to 100 characters", "name", "invalid_value")
        else:
            name = required_text(await read_form(request), "name")
        return services.consents.rename(consent_id, name).shown()

    @routes.delete(path + "/{consent_id}")
    async def delete_consent(consent_id: str) -> dict[str, Any]:
        """Forget a consent."""
        services.consents.delete(consent_id)
        return {"object": "audio.voice_consent", "id": consent_id, "deleted": True}


def _language(form: FormData) -> str:
    """The language of the consent phrase; empty for English.

    Raises:
        ApiError: it is no BCP 47 tag.
    """
    tag = (text_field(form, "language", "", 35) or "").strip()
    if tag and not _TAG.fullmatch(tag):
        raise ApiError(400, "language: give a BCP 47 tag such as de or en-GB", "language", "invalid_value")
    return tag


def _check_same(services: Services, wave: np.ndarray, embedding: np.ndarray, digest: str, check: Progress) -> None:
    """Refuse a sample that is not of the speaker who consented.

    Raises:
        ApiError: it is another speaker, or the consent recording itself.
    """
    if _digest(wave) == digest:
        message = "audio_sample: this is the recording of the consent itself: send another one"
        raise ApiError(400, message, "audio_sample", "sample_is_consent")
    likeness = services.engine.same_speaker(services.engine.speaker(wave, "audio_sample", check), embedding)
    if likeness < ONE_SPEAKER:
        message = "audio_sample: the voice is not the one that consented: record the consent with the same voice"
        raise ApiError(400, message, "audio_sample", "voice_mismatch")


def _digest(wave: np.ndarray) -> str:
    return hashlib.sha256(wave.tobytes()).hexdigest()


def _shown(kept: KeptVoice) -> dict[str, Any]:
    return {"object": "audio.voice", "id": kept.id, "name": kept.name, "created_at": kept.created_at}
