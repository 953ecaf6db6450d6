"""One response of ``/v1/realtime``: its events, and what was spoken of it, whatever stops it."""

import math
from collections.abc import Iterator
from dataclasses import replace

from nuanced_speech.core.constants import OWN_VOICE, SAMPLE_RATE
from nuanced_speech.dialogue.conversation import Conversation, Turn
from nuanced_speech.dialogue.language_model import Usage
from nuanced_speech.dialogue.listener import Question
from nuanced_speech.dialogue.replier import AnswerEvent, Replier, SpeechEvent, TextEvent
from nuanced_speech.serve.jobs import Gone
from nuanced_speech.serve.realtime_events import AnswerEvents
from nuanced_speech.serve.realtime_settings import RealtimeSettings
from nuanced_speech.serve.services import Services
from nuanced_speech.synthesis.speaking import TimedText
from nuanced_speech.text.languages import UNSPACED_LANGUAGES
from nuanced_speech.voice.voice import Voice

# The voice of an answer to a text, before anybody has spoken.
FIRST_VOICE = "af_heart"


class SpokenAnswer:
    """An answer while it is spoken, which may be stopped at any time.

    Args:
        services: queue, voices and metrics.
        replier: what answers.
        events: what tells the client.
        settings: voice, role and kind of the answer.
    """

    def __init__(self, services: Services, replier: Replier, events: AnswerEvents, settings: RealtimeSettings) -> None:
        self.services, self.replier, self.events, self.settings = services, replier, events, settings
        self._question: Question | None = None
        self._words: list[TimedText] = []
        self._written, self._whole, self._until = "", "", math.inf

    async def speak(self, question: Question, conversation: Conversation, previous: str | None, gone: Gone) -> None:
        """Speak the whole answer.

        Args:
            question: what was asked.
            conversation: the turns before it.
            previous: id of the item before the answer.
            gone: tells whether the client has gone.

        Raises:
            ApiError: as ``JobQueue.stream``.
            UserError: as ``Replier.answer``.
        """
        self._question = question
        name = self.settings.voice
        voice = None
        if name != OWN_VOICE or question.voice is None:
            voice = self.services.voices.find(FIRST_VOICE if name == OWN_VOICE else name)
        steps = await self.services.queue.stream(lambda job: self._steps(question, conversation, voice), gone)
        try:
            async for step in steps:
                if isinstance(step, TextEvent):
                    self._written += step.text
                    await self.events.write(step.text, previous)
                elif isinstance(step, SpeechEvent):
                    self.services.metrics.audio.labels("realtime").inc(len(step.sentence.audio) / SAMPLE_RATE)
                    self._words += step.sentence.words
                    await self.events.speak(step.sentence.audio)
                elif isinstance(step, AnswerEvent):
                    self._whole, self.events.usage = step.conversation.turns[-1].answer, step.usage or Usage()
        finally:
            await steps.aclose()  # type: ignore[attr-defined]

    def _steps(
        self, question: Question, conversation: Conversation, voice: Voice | None
    ) -> Iterator[TextEvent | SpeechEvent | AnswerEvent]:
        conversation = replace(conversation, system=self.settings.instructions)
        if self.settings.spoken:
            return self.replier.answer(question, conversation, voice)
        return self.replier.write(question, conversation)

    @property
    def turn(self) -> Turn | None:
        """What is remembered: the question, and of the answer what was spoken; None if that is nothing."""
        if self._question is None or not (self._words if self.settings.spoken else self._written.strip()):
            return None
        return Turn(self._question.text, self._question.tone, self.text)

    @property
    def text(self) -> str:
        """The words that were spoken, up to the place where it was cut."""
        if not self.settings.spoken:
            return self._written.strip()
        if self._whole and self._until == math.inf:
            return self._whole
        space = "" if self._question and self._question.language in UNSPACED_LANGUAGES else " "
        return space.join(word.text for word in self._words if word.text and word.start < self._until)

    def cut(self, seconds: float) -> None:
        """Forget the words that begin later, which nobody heard."""
        self._until = min(self._until, seconds)
