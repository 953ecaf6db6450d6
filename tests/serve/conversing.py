"""A conversation of ``/v1/realtime`` without network and models: what answers is told what to say."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from nuanced_speech.core.errors import UserError
from nuanced_speech.dialogue.conversation import Conversation, Turn
from nuanced_speech.dialogue.language_model import Usage
from nuanced_speech.dialogue.listener import Question
from nuanced_speech.dialogue.replier import AnswerEvent, SpeechEvent, TextEvent
from nuanced_speech.serve.config import ServeConfig
from nuanced_speech.serve.realtime_session import RealtimeSession
from nuanced_speech.serve.realtime_settings import RealtimeLimits
from nuanced_speech.serve.services import Services
from nuanced_speech.synthesis.speaking import SpokenSentence, TimedText

Step = TextEvent | SpeechEvent | AnswerEvent
WORDS = [TimedText("One,", 0.1, 0.4), TimedText("two.", 0.6, 0.9)]
TONE = np.sin(np.arange(24_000, dtype=np.float32) / 10) / 2


@dataclass
class Scripted:
    """Answers "One, two. Three." by one sentence of a second, and goes on as it is told.

    Attributes:
        silent: no sound comes.
        endless: text comes until it is stopped.
        broken: fails in place of the first word.
        asked: questions, the turns before them, and the voices.
        heard: what was spoken to it.
    """

    silent: bool = False
    endless: bool = True
    broken: bool = False
    asked: list[tuple[Question, Conversation, Any]] = field(default_factory=list)
    heard: list[np.ndarray] = field(default_factory=list)

    def listener(self, wave: np.ndarray, language: str | None) -> Question:
        self.heard.append(wave)
        return Question("Who is there?", language or "en", None, "loud", None)

    def answer(self, question: Question, conversation: Conversation, voice: Any) -> Iterator[Step]:
        self.asked.append((question, conversation, voice))
        if self.broken:
            raise UserError("the language model is away")
        yield TextEvent("One, two. ")
        if not self.silent:
            yield SpeechEvent(SpokenSentence(TONE, 0, WORDS, 0.5, 0))
        while self.endless:
            time.sleep(0.005)
            yield TextEvent("more ")
        yield AnswerEvent(conversation.with_turn(Turn(question.text, question.tone, "One, two. Three.")), Usage(40, 6))

    def write(self, question: Question, conversation: Conversation) -> Iterator[Step]:
        self.asked.append((question, conversation, None))
        yield TextEvent("One, ")
        yield TextEvent("two.")
        yield AnswerEvent(conversation.with_turn(Turn(question.text, question.tone, "One, two.")))


class Talk:
    """A session and the events that it sent.

    Args:
        replier: what answers.
        folder: where voices would be kept.
        limits: how much the session takes.
    """

    def __init__(self, replier: Scripted, folder: Path, limits: RealtimeLimits = RealtimeLimits()) -> None:
        services = Services.made(ServeConfig(voices=folder / "voices"), cast(Any, SimpleNamespace(share=None)))
        self.replier, self.events, self.all = replier, list[dict[str, Any]](), list[dict[str, Any]]()
        self.session = RealtimeSession(services, cast(Any, replier), self._sent, "any", limits)

    async def _sent(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        self.all.append(event)

    async def send(self, kind: str, **fields: Any) -> None:
        """An event of the client."""
        await self.session.take(json.dumps({"type": kind, **fields}))

    async def ask(self, text: str, **response: Any) -> None:
        """Ask a written question and want the answer."""
        content = [{"type": "input_text", "text": text}]
        await self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await self.send("response.create", **({"response": response} if response else {}))

    async def until(self, kind: str) -> dict[str, Any]:
        """The first event of a kind that is not fetched yet; it and those before are fetched then."""
        for _ in range(2000):
            for place, event in enumerate(self.events):
                if event["type"] == kind:
                    self.events = self.events[place + 1 :]
                    return event
            await asyncio.sleep(0.005)
        raise AssertionError(f"no {kind} among {[event['type'] for event in self.events]}")

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Questions and answers that are remembered."""
        return [(turn.question, turn.answer) for turn in self.session.conversation.turns]


def talking(
    replier: Scripted,
    folder: Path,
    work: Callable[[Talk], Awaitable[None]],
    limits: RealtimeLimits = RealtimeLimits(),
) -> None:
    """Talk with a session, which is ended."""

    async def whole() -> None:
        talk = Talk(replier, folder, limits)
        try:
            await work(talk)
        finally:
            await talk.session.end()

    asyncio.run(asyncio.wait_for(whole(), 60))
