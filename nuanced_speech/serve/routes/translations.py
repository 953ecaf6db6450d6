"""``WebSocket /v1/realtime/translations``: continuous conversion, with the events of OpenAI's realtime translation.

The client sends PCM of 16 bits at 24 kHz in base64 while it is spoken, and gets the converted sound in the same form.
"""

import asyncio
import json
import logging
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from fastapi import APIRouter, WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect, WebSocketState

from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import OWN_VOICE, SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.live.config import LiveConfig
from nuanced_speech.live.engine import LiveEngine
from nuanced_speech.live.session import LiveSession
from nuanced_speech.live.streams import LiveAudio
from nuanced_speech.live.transcripts import PhraseTranscriber
from nuanced_speech.models.whisper import check_language
from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.realtime_events import base64_of, error_shown, new_id, samples_of
from nuanced_speech.serve.services import Services
from nuanced_speech.text.languages import language_code

MODEL = "nuanced-speech-live"
# Seconds between reports of how it is going.
_REPORT_SECONDS = 1.0
_SUBPROTOCOL = "realtime"


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Settings:
    """What a client asked for: a voice by name, or the speaker's own; mode and pitch; transcripts, and their language
    (empty where it is detected)."""

    voice: str = OWN_VOICE
    mode: str = "phrase"
    pitch_shift: float = 0.0
    transcripts: bool = False
    language: str = ""

    @property
    def live(self) -> LiveConfig:
        """Settings of the conversion.

        Raises:
            UserError: no mode.
        """
        return LiveConfig(mode=self.mode)  # type: ignore[arg-type]

    def changed(self, session: Any, english_only: bool = False) -> "_Settings":
        """With the settings of a ``session.update``; the recogniser may know English only.

        Raises:
            ApiError: a value of the wrong type, or a language that the recogniser does not know.
            UserError: a language that is not known.
        """
        parts = _part(session, "session", "audio")
        output = _part(parts, "session.audio", "output")
        changes: dict[str, Any] = {}
        for name, kind in (("voice", str), ("mode", str), ("pitch_shift", (int, float))):
            if (value := output.get(name)) is not None:
                if not isinstance(value, kind) or isinstance(value, bool):
                    raise ApiError(400, f"{name}: {str(value)[:40]!r} is not possible here", name, "invalid_value")
                changes[name] = value
        if "transcription" in (source := _part(parts, "session.audio", "input")):
            asked = source["transcription"]
            language = _part(source, "session.audio.input", "transcription").get("language") or ""
            if not isinstance(language, str):
                raise ApiError(400, "language: give a code such as en", "language", "invalid_value")
            code = language_code(language)
            if code:
                check_language(code)
            if english_only and code not in ("", "en"):
                message = f"language: the server's recogniser knows English only, not {code!r}: leave it out or give en"
                raise ApiError(400, message, "language", "invalid_value")
            changes |= {"transcripts": asked is not None, "language": code}
        settings = replace(self, **changes)
        if not abs(settings.pitch_shift) <= 48:
            raise ApiError(400, "pitch_shift: give -48 to 48 semitones", "pitch_shift", "invalid_value")
        return settings


def router(services: Services) -> APIRouter:
    """The route."""
    routes = APIRouter()
    places = asyncio.Semaphore(services.config.limits.live_sessions)

    @routes.websocket("/v1/realtime/translations")
    async def translations(socket: WebSocket) -> None:
        """Convert what is spoken into the socket."""
        offered = socket.scope.get("subprotocols") or []
        await socket.accept(_SUBPROTOCOL if _SUBPROTOCOL in offered else None)
        if places.locked():
            refusal = ApiError(
                429, "the server has as many live conversions as it takes: try again later", None, "busy"
            )
            await _Talk(socket, services).refuse(refusal)
            await socket.close(1013)
            return
        async with places:
            await _Talk(socket, services).run()

    return routes


class _Talk:
    """One client's conversion."""

    def __init__(self, socket: WebSocket, services: Services) -> None:
        self.socket, self.services = socket, services
        self.loop = asyncio.get_running_loop()
        self.outgoing: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.settings = _Settings()
        self.id, self.began = new_id("sess"), time.time()
        self.live: LiveSession | None = None
        self.transcriber: PhraseTranscriber | None = None
        self.written = False  # whether words were told
        # the client and the time limit may end it at once
        self.closing, self.closed = asyncio.Lock(), False

    async def run(self) -> None:
        """Answer events until one side ends."""
        sender = asyncio.ensure_future(self._send_all())
        reporter = asyncio.ensure_future(self._report())
        self._tell("session.created", session=self._described(self.settings))
        try:
            while await self._answer(await self._receive()):
                pass
        except (WebSocketDisconnect, RuntimeError):
            self._stop()
        finally:
            reporter.cancel()
            # after all events that threads have told
            self.loop.call_soon(self.outgoing.put_nowait, None)
            await sender
            await self._end()

    async def refuse(self, error: ApiError, event_id: Any = None) -> None:
        """Send an error at once."""
        await self._send(_error(error, event_id))

    async def _receive(self) -> dict[str, Any]:
        """The next event; anything that is none is answered with an error."""
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            try:
                event = json.loads(message.get("text") or message.get("bytes") or b"")
                if isinstance(event, dict):
                    return event
            except (ValueError, RecursionError):
                pass
            self.outgoing.put_nowait(_error(ApiError(400, "send events as JSON objects", None, "invalid_event")))

    async def _answer(self, event: dict[str, Any]) -> bool:
        """Whether to go on after an event."""
        try:
            if event.get("type") == "session.close":
                await self._close()
                return False
            await self._handle(event)
        except ApiError as error:
            self.outgoing.put_nowait(_error(error, event.get("event_id")))
        except UserError as error:
            self.outgoing.put_nowait(_error(ApiError(400, str(error), None, "invalid_value"), event.get("event_id")))
        return True

    async def _handle(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "session.update":
            if self.live is not None:
                raise ApiError(400, "the conversion has begun: open another session", None, "session_begun")
            settings = self.settings.changed(event.get("session"), self.services.config.whisper.endswith(".en"))
            if settings.voice != OWN_VOICE:
                self.services.voices.find(settings.voice)
            described = self._described(settings)
            self.settings = settings
            self._tell("session.updated", session=described)
        elif kind in ("session.input_audio_buffer.append", "input_audio_buffer.append"):
            samples = samples_of(event.get("audio"))
            if self.live is None:
                self.live = await run_in_threadpool(self._begun)
                if self.settings.transcripts:
                    live = self.settings.live
                    self.transcriber = PhraseTranscriber(
                        self._words, self._tell_words, live.phrase, live.waiting_seconds, self._transcripts_failed
                    )
            self.live.feed(samples)
            if self.transcriber is not None:
                self.transcriber.feed(samples)
        else:
            raise ApiError(400, f"unknown event {str(kind)[:60]!r}", "type", "unknown_event")

    def _begun(self) -> LiveSession:
        settings = self.settings
        voice = None if settings.voice == OWN_VOICE else self.services.voices.find(settings.voice)
        options = ConversionOptions(voice=voice, path="direct", pitch_shift=settings.pitch_shift)
        stream = LiveEngine(self.services.engine.converter).stream(options, settings.live)
        return LiveSession(stream, self._give, settings.live, self._failed)

    def _words(self, wave: np.ndarray) -> str:
        """What is said in ``wave [T]`` at 24 kHz."""
        parts = self.services.engine.transcriber.stretches(wave, self.settings.language or None, False)
        return " ".join(part.text for part in parts)

    def _tell_words(self, text: str, end: int) -> None:
        """Tell what was said up to a sample; the result has the same words."""
        delta, self.written = (f" {text}" if self.written else text), True
        for side in ("input", "output"):
            self._tell(f"session.{side}_transcript.delta", delta=delta, elapsed_ms=round(end * 1000 / SAMPLE_RATE))

    def _stop(self) -> None:
        """End at once: nobody listens."""
        for part in (self.live, self.transcriber):
            if part is not None:
                part.stop()

    async def _close(self) -> None:
        """Convert what waits, send it, and end; once."""
        async with self.closing:
            if not self.closed:
                await self._convert_the_rest()
                self._tell("session.closed")
            self.closed = True

    async def _convert_the_rest(self) -> None:
        if self.live is None:
            return
        # neither takes in more while this waits for their rest
        self.live.close(wait=False)
        if self.transcriber is not None:
            self.transcriber.close(wait=False)
        figures = await run_in_threadpool(self.live.close)
        if self.transcriber is not None:
            await run_in_threadpool(self.transcriber.close)
        self._tell("session.figures", figures=asdict(figures))

    def _give(self, audio: LiveAudio) -> None:
        self.services.metrics.audio.labels("live").inc(len(audio.wave) / SAMPLE_RATE)
        self._tell(
            "session.output_audio.delta", delta=base64_of(audio.wave), sample_rate=SAMPLE_RATE, channels=1,
            format="pcm16", elapsed_ms=round(audio.start * 1000 / SAMPLE_RATE),
        )  # fmt: skip

    def _failed(self, error: Exception, code: str = "conversion_failed") -> None:
        is_user_error = isinstance(error, UserError)
        if not is_user_error and code == "conversion_failed":
            log.error("a live conversion failed: %s", type(error).__name__, exc_info=error)
        message = str(error) if is_user_error else "the server failed at this sound; its log has the reason"
        event = _error(ApiError(400 if is_user_error else 500, message, None, code))
        self.loop.call_soon_threadsafe(self.outgoing.put_nowait, event)

    def _transcripts_failed(self, error: Exception) -> None:
        """Tell that no more words come; the conversion goes on."""
        self._failed(error, "transcription_failed")

    def _described(self, settings: _Settings) -> dict[str, Any]:
        form = {"type": "audio/pcm", "rate": SAMPLE_RATE}
        transcription = {"model": self.services.config.whisper, "language": settings.language or None}
        given = {"format": form, "transcription": transcription if settings.transcripts else None}
        described = {
            "format": form, "voice": settings.voice, "mode": settings.mode, "pitch_shift": settings.pitch_shift,
            "reserve_ms": round(settings.live.reserve_seconds * 1000),
        }  # fmt: skip
        return {
            "id": self.id, "object": "realtime.session", "type": "translation", "model": MODEL,
            "expires_at": round(self.began + self.services.config.limits.live_seconds),
            "audio": {"input": given, "output": described},
        }  # fmt: skip

    def _tell(self, kind: str, **fields: Any) -> None:
        """Send an event soon; any thread may call it."""
        event = {"type": kind, "event_id": new_id("event"), **fields}
        self.loop.call_soon_threadsafe(self.outgoing.put_nowait, event)

    async def _report(self) -> None:
        """Tell how it goes, and end when the time is over."""
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            if self.live is not None:
                self._tell("session.figures", figures=asdict(self.live.figures))
            if time.time() - self.began > self.services.config.limits.live_seconds:
                await self._close()
                await asyncio.sleep(0.1)
                await self._end()
                return

    async def _end(self) -> None:
        """Close the socket, if the client has not done so."""
        if self.socket.application_state == WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self.socket.close()

    async def _send_all(self) -> None:
        while (event := await self.outgoing.get()) is not None:
            await self._send(event)

    async def _send(self, event: dict[str, Any]) -> None:
        if self.socket.application_state != WebSocketState.CONNECTED:
            return
        try:
            await self.socket.send_text(json.dumps(event))
        except (WebSocketDisconnect, RuntimeError):
            self._stop()


def _part(value: Any, name: str, key: str) -> dict[str, Any]:
    """A part of an object that a client sent; empty where it is missing."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ApiError(400, f"{name}: give an object", name, "invalid_value")
    part = value.get(key)
    if part is not None and not isinstance(part, dict):
        raise ApiError(400, f"{name}.{key}: give an object", f"{name}.{key}", "invalid_value")
    return part or {}


def _error(error: ApiError, event_id: Any = None) -> dict[str, Any]:
    return {"type": "error", "event_id": new_id("event"), "error": {**error_shown(error), "event_id": event_id}}
