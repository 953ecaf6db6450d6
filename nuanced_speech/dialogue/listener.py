"""A question: what was said, how, and in whose voice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from nuanced_speech.analysis.analyzer import Analyzer, RecordingAnalyzer
from nuanced_speech.analysis.features import SegmentFeatures, mean_style
from nuanced_speech.analysis.recorded_voice import RecordedVoice
from nuanced_speech.analysis.speaker_clustering import SpeakerClustering
from nuanced_speech.analysis.speech_gate import speech_in
from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.audio.segmentation import segment
from nuanced_speech.core.constants import OWN_VOICE, SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import Progress, Shares, part_of
from nuanced_speech.dialogue.tone_words import ToneScale, tone_words
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.whisper import Transcript
from nuanced_speech.synthesis.delivery import NO_VOICE, Delivery, measure_delivery
from nuanced_speech.voice.provenance import new_provenance
from nuanced_speech.voice.voice import Voice


@dataclass(frozen=True, eq=False)
class Question:
    """A question as it was heard.

    Attributes:
        text: the words.
        language: language of the words, ISO 639-1.
        delivery: how they were spoken; None where they were written.
        tone: the delivery in a few words; empty where it is plain.
        voice: the speaker's own voice; None where it was not asked for.
    """

    text: str
    language: str
    delivery: Delivery | None
    tone: str
    voice: Voice | None


@dataclass(frozen=True)
class ListenerConfig:
    """What of a question counts.

    Attributes:
        delivery_seconds: length at the end of the question whose delivery is measured.
        tone: bounds between the words for the delivery.
    """

    delivery_seconds: float = 15.0
    tone: ToneScale = field(default_factory=ToneScale)


class Listener:
    """Hears questions. Threads may share it.

    Args:
        models: bank of models.
        analyzer: measures segments; made of ``models`` if omitted.
        speakers: finds the speaker's voice; made of ``models`` if omitted.
        config: what of a question counts.
    """

    def __init__(
        self,
        models: ModelBank,
        analyzer: RecordingAnalyzer | None = None,
        speakers: SpeakerClustering | None = None,
        config: ListenerConfig = ListenerConfig(),
    ) -> None:
        self.models, self.config = models, config
        self.analyzer: RecordingAnalyzer = analyzer or Analyzer(models)
        self.speakers = speakers or SpeakerClustering(models)

    def __call__(
        self,
        wave: np.ndarray,
        language: str | None = None,
        own_voice: bool = True,
        progress: Progress | None = None,
    ) -> Question:
        """A question from its recording.

        Args:
            wave: ``[T]`` at 24 kHz.
            language: language that is spoken, ISO 639-1; detected if None.
            own_voice: find the speaker's own voice too.
            progress: called with the share that is done, in several threads but by one at a time.

        Raises:
            UserError: no voice, or no words, in the recording.
        """
        gated = speech_in(wave, self.analyzer.gate, lambda loud: self._transcript(loud, language))
        if not gated.has_speech:
            raise UserError(NO_VOICE.format(name="question"))
        wave, shares = gated.wave, Shares(part_of(progress, 0.0, 0.5))
        # the recording is measured while it is transcribed
        with ThreadPoolExecutor(1, thread_name_prefix="listener") as pool:
            threads = torch.get_num_threads()
            transcribing = pool.submit(self._transcribe, wave, language, threads, shares.of("words"))
            last = wave[-round(self.config.delivery_seconds * SAMPLE_RATE) :]
            with torch.no_grad():
                features = self.analyzer(last, segment(last), phonemes=True, progress=shares.of("delivery"))
                delivery = measure_delivery(last, features, "question")
                voice = self._voice(features) if own_voice else None
            text, detected = transcribing.result()
        if not any(symbol.isalnum() for symbol in text):
            raise UserError("question: no words were understood in the recording: speak nearer to the microphone")
        tone = ", ".join(tone_words(delivery, self.config.tone))
        if voice is not None:
            voice = replace(voice, provenance=new_provenance("clone", language=detected))
        return Question(text, detected, delivery, tone, voice)

    def _transcribe(self, wave: np.ndarray, language: str | None, threads: int, progress: Progress) -> tuple[str, str]:
        torch.set_num_threads(threads)
        transcript = self._transcript(wave, language, progress)
        return transcript.text, transcript.language

    def _transcript(self, wave: np.ndarray, language: str | None, progress: Progress | None = None) -> Transcript:
        return self.models.transcriber.transcribe(to_16k(wave), language, progress=progress)

    def _voice(self, features: list[SegmentFeatures]) -> Voice:
        """The speaker's voice in one style, which is to speak other words."""
        style, frames = mean_style(self.speakers.assign(features, foreign=True)), RecordedVoice(features).frames()
        return Voice(OWN_VOICE, style.vector[None], new_provenance("clone"), frames=frames)
