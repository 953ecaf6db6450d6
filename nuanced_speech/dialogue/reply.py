"""A spoken answer in one call."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.audio.arrays import Recording
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.dialogue.choice import language_model as small_model
from nuanced_speech.dialogue.conversation import Conversation
from nuanced_speech.dialogue.language_model import LanguageModel
from nuanced_speech.dialogue.replier import AnswerEvent, QuestionEvent, Replier, SpeechEvent
from nuanced_speech.models.bank import ModelBank, shared_bank
from nuanced_speech.voice.voice import Voice


@dataclass(frozen=True, eq=False)
class Reply:
    """A spoken answer.

    Attributes:
        audio: ``[T]`` float32 at 24 kHz.
        question: what was heard.
        tone: how it was said, in a few words; empty where nothing is unusual.
        answer: what was answered.
        conversation: the conversation with this turn; give it to the next call.
        comment: that the audio is synthetic, and in which voice; written into the file.
    """

    audio: np.ndarray
    question: str
    tone: str
    answer: str
    conversation: Conversation
    comment: str

    def save(self, path: str | Path) -> None:
        """Write WAV, FLAC, OGG, Opus, MP3 or M4A by the name."""
        audio.write(path, self.audio, SAMPLE_RATE, self.comment)


def reply(
    question: str | Path | Recording,
    voice: str | Path | Voice | None = None,
    conversation: Conversation | None = None,
    language_model: LanguageModel | None = None,
    seed: int = 0,
    device: str = "cpu",
    models: ModelBank | None = None,
) -> Reply:
    """The answer to a spoken question, in its tone. ``dialogue.replier.Replier`` gives it step by step.

    Args:
        question: a file, or a recording in memory.
        voice: the answering voice; the speaker's own if None.
        conversation: the turns before.
        language_model: what answers; the small one of the extra ``reply`` if None.
        seed: random seed.
        device: where the models are loaded, if no ``models`` are given.
        models: bank of models; by default the one that all calls on a device share.

    Raises:
        UserError: as ``Replier.reply``; a recording, a voice or a language model that cannot be read.
    """
    wave = audio.waveform(question.audio, question.sample_rate) if isinstance(question, Recording) else None
    wave = audio.read(str(question)) if wave is None else wave
    chosen = None if voice is None else Voice.load(voice)
    replier = Replier(models or shared_bank(device), language_model or small_model())
    pieces: list[np.ndarray] = []
    comment, after = "", conversation or Conversation()
    for event in replier.reply(wave, after, chosen, seed=seed):
        if isinstance(event, QuestionEvent):
            answering = chosen or event.question.voice
            comment = answering.mark if answering else audio.SYNTHETIC
        elif isinstance(event, SpeechEvent):
            pieces.append(event.sentence.audio)
        elif isinstance(event, AnswerEvent):
            after = event.conversation
    turn = after.turns[-1]
    return Reply(np.concatenate(pieces), turn.question, turn.delivery, turn.answer, after, comment)
