"""A spoken question to a spoken answer in its tone, while the answer is still being written.

recording → listener: words, delivery, own voice → language model: answer → sentences → speech in the delivery
"""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import Progress
from nuanced_speech.dialogue.conversation import Conversation, Turn
from nuanced_speech.dialogue.language_model import LanguageModel, Sampling, Usage
from nuanced_speech.dialogue.listener import Listener, Question
from nuanced_speech.dialogue.sentence_stream import SentenceConfig, sentence_stream
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.synthesis.delivery import FittedDelivery, fit_delivery
from nuanced_speech.synthesis.speaking import SpokenSentence
from nuanced_speech.synthesis.text_to_speech import TextToSpeech
from nuanced_speech.text.languages import LANGUAGES
from nuanced_speech.voice.voice import Voice


@dataclass(frozen=True, eq=False)
class QuestionEvent:
    """The question was heard."""

    question: Question


@dataclass(frozen=True)
class TextEvent:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, eq=False)
class SpeechEvent:
    """A sentence of the answer, or a part of one; its times count from the beginning of the answer."""

    sentence: SpokenSentence


@dataclass(frozen=True)
class AnswerEvent:
    """The answer is complete.

    Attributes:
        conversation: the conversation with this turn, whose answer is what was spoken.
        usage: what the language model read and wrote; None if it does not tell.
    """

    conversation: Conversation
    usage: Usage | None = None


ReplyEvent = QuestionEvent | TextEvent | SpeechEvent | AnswerEvent


@dataclass(frozen=True)
class ReplyConfig:
    """Settings of answers.

    Attributes:
        sampling: how the language model chooses its words.
        sentences: when the first words are spoken.
        pause: seconds between sentences.
        letters: length at which an answer is broken off, whatever the language model was told.
        fast: decode in bfloat16 where the processor computes that faster.
    """

    sampling: Sampling = field(default_factory=Sampling)
    sentences: SentenceConfig = field(default_factory=SentenceConfig)
    pause: float = 0.35
    letters: int = 4000
    fast: bool = False


@dataclass(frozen=True, eq=False)
class AnsweringVoice:
    """The voice of an answer, with the delivery that it takes on."""

    voice: Voice
    delivery: FittedDelivery | None
    language: str | None


class Replier:
    """Answers questions aloud. Threads may share it.

    Args:
        models: bank of models.
        language_model: what answers.
        listener: hears questions; made of ``models`` if omitted.
        text_to_speech: speaks; made of ``models`` if omitted.
        config: settings.

    Example:
        ``for event in Replier(models, LocalModel()).reply(wave): ...``
    """

    def __init__(
        self,
        models: ModelBank,
        language_model: LanguageModel,
        listener: Listener | None = None,
        text_to_speech: TextToSpeech | None = None,
        config: ReplyConfig = ReplyConfig(),
    ) -> None:
        self.models, self.language_model, self.config = models, language_model, config
        self.listener = listener or Listener(models)
        self.text_to_speech = text_to_speech or TextToSpeech(models)

    def reply(
        self,
        wave: np.ndarray,
        conversation: Conversation = Conversation(),
        voice: Voice | None = None,
        language: str | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Iterator[ReplyEvent]:
        """The answer to a spoken question, step by step. Closing the iterator stops all work.

        Args:
            wave: the question, ``[T]`` at 24 kHz.
            conversation: the turns before it.
            voice: the answering voice; the speaker's own if None.
            language: language of the question, ISO 639-1; detected if None.
            seed: random seed of the words and of the synthesizer's noise.
            progress: told how far the question is heard, 0 to 1, before the first event.

        Raises:
            UserError: no voice or no words in the question; no answer from the language model.
        """
        question = self.listener(wave, language, own_voice=voice is None, progress=progress)
        yield QuestionEvent(question)
        yield from self.answer(question, conversation, voice, seed)

    def answer(
        self, question: Question, conversation: Conversation, voice: Voice | None = None, seed: int = 0
    ) -> Iterator[TextEvent | SpeechEvent | AnswerEvent]:
        """The answer to a question that was heard; as ``reply``."""
        messages = conversation.messages(question.text, question.tone)
        writing = _Writing(self.language_model, messages, self.config, question.language, seed)
        try:
            # while the first sentence is written
            answering = self.fitted(question, voice)
            sentences: list[str] = []
            now = 0.0
            for item in writing:
                if isinstance(item, TextEvent):
                    yield item
                    continue
                for event in self.speak(item, answering, seed, now):
                    now += len(event.sentence.audio) / SAMPLE_RATE
                    yield event
                sentences.append(item)
        finally:
            writing.stop()
        if not now:
            raise UserError("the language model gave no answer that can be spoken: ask again, or name another model")
        turn = Turn(question.text, question.tone, " ".join(sentences))
        yield AnswerEvent(conversation.with_turn(turn), writing.usage)

    def write(self, question: Question, conversation: Conversation, seed: int = 0) -> Iterator[TextEvent | AnswerEvent]:
        """The answer as text alone; as ``answer``."""
        messages = conversation.messages(question.text, question.tone)
        writing = _Writing(self.language_model, messages, self.config, question.language, seed)
        pieces: list[str] = []
        try:
            for item in writing:
                if isinstance(item, TextEvent):
                    pieces.append(item.text)
                    yield item
        finally:
            writing.stop()
        if not (text := "".join(pieces).strip()):
            raise UserError("the language model gave no answer: ask again, or name another model")
        yield AnswerEvent(conversation.with_turn(Turn(question.text, question.tone, text)), writing.usage)

    def fitted(self, question: Question, voice: Voice | None) -> AnsweringVoice:
        """The answering voice, which takes on the delivery of a question.

        Args:
            question: what was heard; with the speaker's voice if ``voice`` is None.
            voice: another voice.
        """
        in_own_voice = voice is None
        chosen = voice or question.voice
        assert chosen is not None
        delivery = None
        if question.delivery is not None:
            delivery = fit_delivery(question.delivery, self.models.kokoro, chosen.pack, own=in_own_voice)
        # a stock voice speaks its own language, the speaker's own voice that of the question
        language = question.language if in_own_voice and question.language in LANGUAGES else None
        return AnsweringVoice(chosen, delivery, language)

    def speak(self, text: str, answering: AnsweringVoice, seed: int = 0, now: float = 0.0) -> Iterator[SpeechEvent]:
        """A sentence as it is spoken at ``now``, in seconds from the beginning of the answer."""
        if not any(symbol.isalnum() for symbol in text):
            return
        lead = self.config.pause if now else 0.0
        sentences = self.text_to_speech.stream(
            f"[pause:{lead}s] {text}" if lead else text, answering.voice, answering.language, pause=self.config.pause,
            seed=seed, fast=self.config.fast, delivery=answering.delivery,
        )  # fmt: skip
        for sentence in sentences:
            words = [replace(word, start=word.start + now, end=word.end + now) for word in sentence.words]
            yield SpeechEvent(replace(sentence, words=words))


class _Writing:
    """The language model writes in a thread of its own; iterating gives pieces of text, and each complete sentence.

    A sentence comes as soon as it is complete, before the pieces of the next ones."""

    def __init__(
        self, model: LanguageModel, messages: list[Any], config: ReplyConfig, language: str, seed: int
    ) -> None:
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self.usage: Usage | None = None
        self._arguments = model, messages, config, language, seed
        threading.Thread(target=self._write, daemon=True, name="writer").start()

    def __iter__(self) -> Iterator[Any]:
        while (item := self._items.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def stop(self) -> None:
        """Write no more."""
        self._stopped.set()

    def _write(self) -> None:
        model, messages, config, language, seed = self._arguments
        try:
            pieces = model.stream(messages, replace(config.sampling, seed=seed))
            for sentence in sentence_stream(self._told(pieces), language, config.sentences):
                self._items.put(sentence)
        except BaseException as error:
            self._items.put(error)
        self._items.put(None)

    def _told(self, pieces: Iterator[str | Usage]) -> Iterator[str]:
        left = self._arguments[2].letters
        for piece in pieces:
            if isinstance(piece, Usage):
                self.usage = piece
                continue
            left -= len(piece)
            if self._stopped.is_set() or left < 0:
                break
            self._items.put(TextEvent(piece))
            yield piece
        # some are generators, which stop when they are closed
        getattr(pieces, "close", lambda: None)()
