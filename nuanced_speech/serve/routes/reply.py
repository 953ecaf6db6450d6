"""``POST /v1/reply``: a spoken question in, what was heard and a spoken answer out, as server-sent events."""

import base64
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from nuanced_speech.audio import to_int16
from nuanced_speech.core.constants import OWN_VOICE, SAMPLE_RATE
from nuanced_speech.core.errors import ContentError, UserError
from nuanced_speech.dialogue.conversation import LONGEST_SYSTEM, Conversation
from nuanced_speech.dialogue.replier import AnswerEvent, QuestionEvent, Replier, ReplyEvent, SpeechEvent, TextEvent
from nuanced_speech.models.whisper import check_language
from nuanced_speech.serve.errors import ApiError, error_body, of_user_error
from nuanced_speech.serve.jobs import Cancelled, Job
from nuanced_speech.serve.routes.bodies import STREAM_HEADERS, decoded, file_field, read_form, required_file, text_field
from nuanced_speech.serve.routes.page_fields import number_field
from nuanced_speech.serve.schemas import LARGEST_SEED
from nuanced_speech.serve.services import Services
from nuanced_speech.voice.voice import Voice

log = logging.getLogger(__name__)

# Letters of a conversation in JSON: some hundred turns, of which the latest count.
_LONGEST_CONVERSATION = 200_000
# Of a reference, in seconds: its voice is made anew for every answer.
_LONGEST_REFERENCE = 60
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["audio"],
                    "properties": {
                        "audio": {"type": "string", "format": "binary"},
                        "voice": {"type": "string", "maxLength": 300},
                        "reference": {"type": "string", "format": "binary"},
                        "consent": {"type": "string", "description": "What the reference's speaker agreed to."},
                        "conversation": {"type": "string", "description": "Conversation so far, as JSON."},
                        "system": {"type": "string", "maxLength": LONGEST_SYSTEM},
                        "language": {"type": "string"},
                        "seed": {"type": "integer", "minimum": 0, "maximum": LARGEST_SEED},
                    },
                }
            }
        },
    }
}


@dataclass(frozen=True, eq=False)
class _Asked:
    """A request that was checked: the question ``[T]`` at 24 kHz, and how to answer it.

    ``reference [T]`` at 24 kHz is a recording of the answering voice, whose speaker agreed as ``consent`` says."""

    wave: np.ndarray
    reference: np.ndarray | None
    consent: str
    conversation: Conversation
    voice: Voice | None
    language: str | None
    seed: int


def router(services: Services) -> APIRouter:
    """The route."""
    routes = APIRouter()

    @routes.post("/v1/reply", openapi_extra=BODY, tags=["reply"])
    async def reply(request: Request) -> Response:
        """Answer a spoken question aloud, in its tone."""
        asked = await _asked(services, await read_form(request))
        replier = await run_in_threadpool(ready_replier, services)
        events = await services.queue.stream(
            lambda job: _events(services, replier, asked, job), request.is_disconnected, len
        )
        return StreamingResponse(events, media_type="text/event-stream", headers=STREAM_HEADERS)

    return routes


def ready_replier(services: Services) -> Replier:
    """What answers.

    Raises:
        ApiError: 501, there is no language model, and why.
    """
    try:
        return services.engine.replier
    except UserError as error:
        raise ApiError(501, str(error), None, "no_language_model") from None


async def _asked(services: Services, form: FormData) -> _Asked:
    """A request, checked before any work.

    Raises:
        ApiError: whatever is wrong with it.
    """
    name = (text_field(form, "voice", OWN_VOICE, 300) or OWN_VOICE).strip()
    reference = await file_field(form, "reference", services.config.limits.sample_bytes)
    if reference is not None and name != OWN_VOICE:
        raise ApiError(400, "voice: there is a reference: give one of the two", "voice", "invalid_value")
    voice = None if name == OWN_VOICE else services.voices.find(name)
    consent = (text_field(form, "consent", "", 1000) or "").strip()
    if reference is not None and not consent:
        message = "consent: the voice of a recording needs its speaker's consent: say in words who agreed to what"
        raise ApiError(400, message, "consent", "missing_required_parameter")
    language = (text_field(form, "language", None, 20) or "").strip().lower() or None
    if language is not None:
        try:
            check_language(language)
        except UserError as error:
            raise ApiError(400, f"language: {error}", "language", "invalid_value") from None
    conversation = _conversation(form)
    seed = int(number_field(form, "seed", 0, 0, LARGEST_SEED))
    data = await required_file(form, "audio", services.config.limits.body_bytes)
    wave = await decoded(services, data, "audio")
    sample = None if reference is None else await decoded(services, reference, "reference")
    if sample is not None and len(sample) > _LONGEST_REFERENCE * SAMPLE_RATE:
        message = f"reference: {len(sample) / SAMPLE_RATE:.0f} s are too long: give at most {_LONGEST_REFERENCE} s"
        raise ApiError(400, message, "reference", "invalid_value")
    return _Asked(wave, sample, consent, conversation, voice, language, seed)


def _conversation(form: FormData) -> Conversation:
    """The conversation so far, with the role that is asked for.

    Raises:
        ApiError: it is no conversation.
    """
    text, conversation = text_field(form, "conversation", None, _LONGEST_CONVERSATION), Conversation()
    if text and text.strip():
        try:
            conversation = Conversation.from_json(json.loads(text))
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, ContentError) else "no JSON"
            message = f"conversation: not a conversation ({reason}): send that of the last answer"
            raise ApiError(400, message, "conversation", "invalid_value") from None
    system = (text_field(form, "system", None, LONGEST_SYSTEM) or "").strip() or conversation.system
    if len(system) > LONGEST_SYSTEM:
        raise ApiError(400, f"conversation: a role of more than {LONGEST_SYSTEM} characters", "conversation")
    return replace(conversation, system=system)


def _events(services: Services, replier: Replier, asked: _Asked, job: Job[bytes]) -> Iterator[bytes]:
    """Server-sent events. A failure after the first is an event too, since the answer has begun."""
    voice = asked.voice
    if asked.reference is not None:
        voice = services.engine.clone(asked.reference, "recording", asked.consent, job.check, "reference")
    steps = replier.reply(asked.wave, asked.conversation, voice, asked.language, asked.seed)
    # a question without words is refused before the answer begins
    yield from _shown(services, next(steps))
    try:
        for step in steps:
            job.check()
            yield from _shown(services, step)
    except Cancelled:
        raise
    except UserError as error:
        refused = of_user_error(error)
        yield _event("error", **error_body(502, str(error), refused.param, refused.code))
    except Exception as error:
        log.error("an answer failed: %s", type(error).__name__, exc_info=error)
        message = "the server failed at this answer; its log has the reason"
        yield _event("error", **error_body(500, message, None, "internal_error"))
    finally:
        steps.close()  # type: ignore[attr-defined]


def _shown(services: Services, step: ReplyEvent) -> Iterator[bytes]:
    if isinstance(step, QuestionEvent):
        question = step.question
        yield _event("reply.heard", text=question.text, language=question.language, delivery=question.tone)
    elif isinstance(step, TextEvent):
        yield _event("reply.text.delta", delta=step.text)
    elif isinstance(step, SpeechEvent):
        sentence = step.sentence
        services.metrics.audio.labels("reply").inc(len(sentence.audio) / SAMPLE_RATE)
        words = [{"word": w.text, "start_time": round(w.start, 3), "end_time": round(w.end, 3)} for w in sentence.words]
        samples = to_int16(sentence.audio).astype("<i2").tobytes()
        yield _event("reply.audio.delta", audio=base64.b64encode(samples).decode(), timestamps=words)
    elif isinstance(step, AnswerEvent):
        conversation = step.conversation
        yield _event("reply.done", conversation=conversation.to_json(), **asdict(conversation.turns[-1]))


def _event(kind: str, **fields: Any) -> bytes:
    return b"data: " + json.dumps({"type": kind, **fields}, ensure_ascii=False).encode() + b"\n\n"
