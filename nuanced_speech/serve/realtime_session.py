"""One conversation of ``/v1/realtime``: events of the client in, events of the server out."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool

from nuanced_speech.core.constants import OWN_VOICE, SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.dialogue.conversation import Conversation
from nuanced_speech.dialogue.listener import Question
from nuanced_speech.dialogue.replier import Replier
from nuanced_speech.models.whisper import check_language
from nuanced_speech.serve.errors import ApiError, of_user_error
from nuanced_speech.serve.realtime_audio import AudioInput, encoding
from nuanced_speech.serve.realtime_events import AnswerEvents, error_shown, item_shown, new_id, text_of
from nuanced_speech.serve.realtime_response import SpokenAnswer
from nuanced_speech.serve.realtime_settings import RealtimeLimits, RealtimeSettings
from nuanced_speech.serve.services import Services
from nuanced_speech.serve.turn_detection import TurnConfig, TurnDetector

log = logging.getLogger(__name__)
Send = Callable[[dict[str, Any]], Awaitable[None]]
# Why a response was stopped: somebody spoke.
_TURN = "turn_detected"
# Longer than any answer, in milliseconds.
_LONGEST_ANSWER = 10**9


@dataclass(frozen=True, eq=False)
class _Item:
    """A question of the conversation, as it was said or written."""

    id: str
    question: "asyncio.Future[Question]"

    @property
    def failed(self) -> bool:
        """Whether nobody understood it."""
        return self.question.done() and (self.question.cancelled() or self.question.exception() is not None)


class RealtimeSession:
    """A conversation with one client.

    Args:
        services: queue, voices and limits.
        replier: what answers.
        send: sends an event to the client.
        model: the model that the client named.
    """

    def __init__(
        self, services: Services, replier: Replier, send: Send, model: str, limits: RealtimeLimits = RealtimeLimits()
    ) -> None:
        self.services, self.replier, self.model, self.limits = services, replier, model, limits
        self.id, self.settings, self.conversation = new_id("sess"), RealtimeSettings(), Conversation()
        self._send_event, self._sending = send, asyncio.Lock()
        self._detector, self._input = self._new_detector(), AudioInput(self.settings.takes)
        self._items: list[_Item] = []
        self._last_id: str | None = None
        self._turn_id = ""
        self._heard: Question | None = None
        self._response: asyncio.Task[None] | None = None
        self._answer: SpokenAnswer | None = None
        self._remembered = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._gone, self._reason = False, ""
        self._handlers: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit_event,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.delete": self._delete_item,
            "conversation.item.truncate": self._truncate,
            "response.create": self._create_response,
            "response.cancel": self._cancel_event,
        }

    async def begin(self) -> None:
        """Greet the client."""
        await self._send("session.created", session=self.settings.shown(self.id, self.model))

    async def end(self) -> None:
        """Stop all work: the client has gone."""
        self._gone = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def take(self, text: str) -> None:
        """One event of the client. What is wrong with it is told, and the session goes on."""
        event_id = None
        try:
            event = json.loads(text)
            if not isinstance(event, dict):
                raise ValueError("no object")
            event_id = event.get("event_id")
            handler = self._handlers.get(str(event.get("type")))
            if handler is None:
                raise ApiError(400, f"type: unknown event {str(event.get('type'))[:60]!r}", "type", "unknown_event")
            await handler(event)
        except ApiError as error:
            await self._fail(error, event_id)
        except UserError as error:
            await self._fail(of_user_error(error), event_id)
        except (ValueError, RecursionError):
            await self._fail(ApiError(400, "the event is not an object in JSON", None, "invalid_event"), event_id)

    # events of the client

    async def _update(self, event: dict[str, Any]) -> None:
        settings = self.settings.updated(event.get("session"))
        self._check(settings)
        if settings.takes != self.settings.takes:
            self._input = AudioInput(settings.takes)
        if settings.turns != self.settings.turns:
            self.settings = settings
            self._detector = self._new_detector()
        self.settings = settings
        await self._send("session.updated", session=settings.shown(self.id, self.model))

    def _check(self, settings: RealtimeSettings) -> None:
        """Look up what settings name.

        Raises:
            ApiError: an unknown voice.
            UserError: an unknown language.
        """
        if settings.voice != OWN_VOICE:
            self.services.voices.find(settings.voice)
        if settings.language is not None:
            check_language(settings.language)

    async def _append(self, event: dict[str, Any]) -> None:
        samples = self._input(event.get("audio"))
        if self.settings.turns is None:
            if self._detector.seconds + len(samples) / SAMPLE_RATE > self.services.config.limits.recording_seconds:
                raise ApiError(400, "audio: the buffer is full: commit or clear it", "audio", "buffer_full")
            self._detector.keep(samples)
            return
        for turn_event in await run_in_threadpool(self._detector, samples):
            if turn_event.wave is None:
                self._turn_id = new_id("item")
                await self._send(
                    "input_audio_buffer.speech_started", audio_start_ms=turn_event.ms, item_id=self._turn_id
                )
                if self.settings.turns.interrupt:
                    await self._cancel(_TURN)
                continue
            await self._send("input_audio_buffer.speech_stopped", audio_end_ms=turn_event.ms, item_id=self._turn_id)
            await self._commit(turn_event.wave, self._turn_id)
            if self.settings.turns.answer:
                await self._cancel(_TURN)
                await self._start_response(self.settings)

    async def _commit_event(self, event: dict[str, Any]) -> None:
        self._detector.keep(self._input.rest())
        if self._detector.seconds < self.limits.shortest_seconds:
            message = f"the buffer has {self._detector.seconds * 1000:.0f} ms of audio; at least 100 are needed"
            raise ApiError(400, message, None, "input_audio_buffer_commit_empty")
        await self._commit(self._detector.take(), new_id("item"))

    async def _clear(self, event: dict[str, Any]) -> None:
        self._input.rest()
        self._detector.take()
        await self._send("input_audio_buffer.cleared")

    async def _create_item(self, event: dict[str, Any]) -> None:
        item = event.get("item")
        text = text_of(item)
        asked_id = item.get("id") if isinstance(item, dict) else None
        item_id = asked_id if isinstance(asked_id, str) and 0 < len(asked_id) <= 64 else new_id("item")
        # without a sound of its own, a text is answered in the tone of the last question
        question: asyncio.Future[Question] = asyncio.get_running_loop().create_future()
        last = self._heard
        question.set_result(replace(last, text=text, tone="") if last else Question(text, "en", None, "", None))
        await self._add(item_id, "user", [{"type": "input_text", "text": text}])
        self._ask(_Item(item_id, question))

    async def _delete_item(self, event: dict[str, Any]) -> None:
        item_id = event.get("item_id")
        if not any(item.id == item_id for item in self._items):
            raise ApiError(400, "item_id: no open question has this id", "item_id", "item_not_found")
        self._items = [item for item in self._items if item.id != item_id]
        await self._send("conversation.item.deleted", item_id=item_id)

    async def _truncate(self, event: dict[str, Any]) -> None:
        """The client played no more of an answer: the language model is to know that."""
        fields = {name: event.get(name) for name in ("item_id", "content_index", "audio_end_ms")}
        end = fields["audio_end_ms"]
        if isinstance(end, bool) or not isinstance(end, int) or not 0 <= end <= _LONGEST_ANSWER:
            raise ApiError(400, "audio_end_ms: give milliseconds", "audio_end_ms", "invalid_value")
        if self._answer is not None and fields["item_id"] == self._answer.events.item_id:
            self._answer.cut(end / 1000)
            if self._remembered:
                self.conversation = self.conversation.with_last_answer(self._answer.text)
        await self._send("conversation.item.truncated", **fields)

    async def _create_response(self, event: dict[str, Any]) -> None:
        if self._response is not None:
            message = "a response is in progress: cancel it, or wait for response.done"
            raise ApiError(400, message, None, "conversation_already_has_active_response")
        if not self._items:
            raise ApiError(400, "there is no question to answer", None, "no_question")
        asked = event.get("response") or {}
        settings = self.settings.updated(asked, "response")
        self._check(settings)
        await self._start_response(settings, asked.get("metadata"))

    async def _cancel_event(self, event: dict[str, Any]) -> None:
        if self._response is None:
            raise ApiError(400, "no response is in progress", None, "response_cancel_not_active")
        await self._cancel("client_cancelled")

    # questions

    def _new_detector(self) -> TurnDetector:
        return TurnDetector(self.settings.turns or TurnConfig(), self.services.config.limits.recording_seconds)

    async def _commit(self, wave: np.ndarray, item_id: str) -> None:
        """A question that was spoken: it is heard while the client may go on."""
        await self._send("input_audio_buffer.committed", item_id=item_id, previous_item_id=self._last_id)
        await self._add(item_id, "user", [{"type": "input_audio", "transcript": None}])
        task = asyncio.create_task(self._listen(wave, item_id))
        self._keep(task)
        self._ask(_Item(item_id, task))

    def _ask(self, item: _Item) -> None:
        """One more question waits for an answer; the oldest of too many do no longer."""
        self._items = [*self._items, item][-self.limits.most_open :]

    async def _listen(self, wave: np.ndarray, item_id: str) -> Question:
        event = "conversation.item.input_audio_transcription"
        try:
            question = await self.services.queue.result(
                lambda job: self.replier.listener(wave, self.settings.language), self._has_gone
            )
        except (ApiError, UserError) as error:
            refused = error if isinstance(error, ApiError) else of_user_error(error)
            await self._send(f"{event}.failed", item_id=item_id, content_index=0, error=error_shown(refused))
            raise
        self._heard = question
        await self._send(f"{event}.delta", item_id=item_id, content_index=0, delta=question.text)
        await self._send(
            f"{event}.completed", item_id=item_id, content_index=0, transcript=question.text,
            usage={"type": "duration", "seconds": len(wave) / SAMPLE_RATE}, delivery=question.tone,
        )  # fmt: skip
        return question

    async def _add(self, item_id: str, role: str, content: list[dict[str, Any]]) -> None:
        item = item_shown(item_id, role, content, "completed")
        for event in ("conversation.item.created", "conversation.item.added", "conversation.item.done"):
            await self._send(event, item=item, previous_item_id=self._last_id)
        self._last_id = item_id

    # answers

    async def _start_response(self, settings: RealtimeSettings, metadata: Any = None) -> None:
        items, self._items = self._items, []
        form = encoding(settings.gives) if settings.spoken else None
        metadata = metadata if isinstance(metadata, dict) else None
        events = AnswerEvents(new_id("resp"), new_id("item"), self._send, form, metadata)
        answer = SpokenAnswer(self.services, self.replier, events, settings)
        self._answer, self._remembered = answer, False
        await events.begin()
        self._response = asyncio.create_task(self._respond(answer, items))
        self._keep(self._response)
        # a task that is cancelled before it runs would forget the questions
        await asyncio.sleep(0)

    async def _cancel(self, reason: str) -> None:
        """Stop the response that is in progress, if there is one; its end is told."""
        response, self._response, self._reason = self._response, None, reason
        if response is not None:
            response.cancel()
            await asyncio.gather(response, return_exceptions=True)

    async def _respond(self, answer: SpokenAnswer, items: list[_Item]) -> None:
        status = "completed"
        details: dict[str, Any] | None = None
        try:
            questions = [await asyncio.shield(item.question) for item in items]
            text = " ".join(q.text for q in questions)[-self.limits.longest_question :]
            question = replace(questions[-1], text=text)
            await answer.speak(question, self.conversation, self._last_id, self._has_gone)
        except asyncio.CancelledError:
            if self._gone:
                raise
            status, details = "cancelled", {"type": "cancelled", "reason": self._reason}
        except (ApiError, UserError) as error:
            refused = error if isinstance(error, ApiError) else of_user_error(error)
            status, details = "failed", {"type": "failed", "error": error_shown(refused)}
        except Exception as error:
            log.error("an answer failed: %s", type(error).__name__, exc_info=error)
            refused = ApiError(500, "the server failed at this answer; its log has the reason", None, "internal_error")
            status, details = "failed", {"type": "failed", "error": error_shown(refused)}
        self._remember(answer, items)
        if self._response is asyncio.current_task():
            self._response = None
        if answer.events.opened:
            self._last_id = answer.events.item_id
        await answer.events.end(status, details)

    def _remember(self, answer: SpokenAnswer, items: list[_Item]) -> None:
        """Keep the questions, and of the answer what was spoken; without any, they are still to be answered."""
        if answer.turn is None:
            self._items = [*(item for item in items if not item.failed), *self._items][-self.limits.most_open :]
        else:
            self.conversation, self._remembered = self.conversation.with_turn(answer.turn), True

    # events of the server

    async def _has_gone(self) -> bool:
        return self._gone

    def _keep(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.add(task)

        def over(task: "asyncio.Task[Any]") -> None:
            self._tasks.discard(task)
            if not task.cancelled():
                task.exception()  # it was told already

        task.add_done_callback(over)

    async def _fail(self, error: ApiError, event_id: Any) -> None:
        await self._send(
            "error", error={**error_shown(error), "event_id": event_id if isinstance(event_id, str) else None}
        )

    async def _send(self, kind: str, **fields: Any) -> None:
        async with self._sending:
            await self._send_event({"type": kind, "event_id": new_id("event"), **fields})
