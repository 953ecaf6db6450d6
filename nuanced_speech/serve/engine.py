"""What the routes compute with: one bank of models, and the parts that are made of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.audio.loudness import BROADCAST_LUFS
from nuanced_speech.convert.converter import Converter
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.convert.transcription import SpeechTranscriber
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import temporary_folder
from nuanced_speech.core.progress import Progress
from nuanced_speech.dialogue.choice import language_model
from nuanced_speech.dialogue.language_model import LanguageModel
from nuanced_speech.dialogue.listener import Listener
from nuanced_speech.dialogue.replier import Replier, ReplyConfig
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.models.speaker_encoder import same_speaker
from nuanced_speech.synthesis.delivery import Delivery, DeliveryAnalyzer
from nuanced_speech.synthesis.speaking import LEVELLING, SpokenSentence
from nuanced_speech.synthesis.text_to_speech import DEFAULT_PAUSE, TextToSpeech
from nuanced_speech.voice.voice import Voice
from nuanced_speech.voicemaking.cloning import CloningConfig, clone
from nuanced_speech.voicemaking.instructions import instructed
from nuanced_speech.voicemaking.profile import SENTENCES

# OpenAI's limits of the speed.
SPEED_LIMITS = (0.25, 4.0)
_WARM_TEXT = "The server is ready, and these words are only spoken to warm it up."


@dataclass(frozen=True)
class SpeechJob:
    """What to speak, and how; the attributes are those of ``TextToSpeech.stream``, and the loudness in LUFS."""

    text: str
    voice: Voice
    find_voice: Callable[[str], Voice]
    language: str | None = None
    speed: float = 1.0
    pause: float = DEFAULT_PAUSE
    seed: int = 0
    delivery: Delivery | None = None
    soon: bool = False
    loudness: float = BROADCAST_LUFS


class Engine:
    """Speaks, converts and clones; its ``transcriber`` transcribes. Threads may share it.

    Args:
        models: bank of all models.
        fast: decode speech in bfloat16 where that is quicker.
        converter: converts; made of ``models`` if omitted.
        cloning: settings of the searches for a cloned voice.
        language_model: makes what answers spoken questions, when the first one comes.
        reply: settings of answers.
        decoder: makes the sound; the converter's if omitted.
        sentences: English text by which described voices are measured.
    """

    def __init__(
        self,
        models: ModelBank,
        fast: bool = False,
        converter: Converter | None = None,
        cloning: CloningConfig = CloningConfig(),
        language_model: Callable[[], LanguageModel] = language_model,
        reply: ReplyConfig | None = None,
        decoder: Decoder | None = None,
        sentences: str = SENTENCES,
    ) -> None:
        self.models, self.fast, self.cloning, self.sentences = models, fast, cloning, sentences
        self.language_model, self.reply = language_model, reply or ReplyConfig(fast=fast)
        self._replier_lock = threading.Lock()
        self.converter = converter or Converter(models, decoder=decoder)
        self.transcriber = SpeechTranscriber(models, self.converter.gate, self.converter.transcribe)
        self.text_to_speech = self._text_to_speech(BROADCAST_LUFS, decoder or self.converter.decoder)
        self.deliveries = DeliveryAnalyzer(models, analyzer=self.converter.analyzer)
        self.threads = torch.get_num_threads()

    @property
    def replier(self) -> Replier:
        """What answers spoken questions; its language model is loaded.

        Raises:
            UserError: there is no language model.
        """
        with self._replier_lock:
            return self._replier

    @cached_property
    def _replier(self) -> Replier:
        model = self.language_model()
        model.load()
        listener = Listener(self.models, self.converter.analyzer, self.converter.speakers)
        return Replier(self.models, model, listener, self.text_to_speech, self.reply)

    def share(self, jobs: int) -> None:
        """Compute in this thread with its share of the threads, where so many jobs run at once."""
        torch.set_num_threads(max(1, self.threads // max(1, jobs)))

    def load(self, warm: bool = True) -> None:
        """Load all models; with ``warm`` also use each once, so that the first request waits for nothing."""
        self.converter.load("direct")
        self.converter.load("text")
        if not warm:
            return
        voice = instructed(Voice.load("af_heart"), "calm").voice
        speech = np.concatenate([part.audio for part in self.speak(SpeechJob(_WARM_TEXT, voice, Voice.load))])
        for path in ("direct", "text"):
            self.converter.convert(speech, ConversionOptions(path=path), sample_rate=SAMPLE_RATE)
        with suppress(UserError):  # without the extra, only answers are refused
            _ = self.replier

    def speak(self, job: SpeechJob) -> Iterator[SpokenSentence]:
        """Speech, sentence by sentence. The one place where the server makes the text-to-speech.

        Raises:
            UserError: as ``stream``, before anything is spoken.
        """
        return self._text_to_speech(job.loudness, self.text_to_speech.decoder).stream(
            job.text, job.voice, job.language, job.speed, job.pause, job.seed, self.fast,
            delivery=job.delivery, find_voice=job.find_voice, soon=job.soon,
        )  # fmt: skip

    def _text_to_speech(self, loudness: float, decoder: Decoder) -> TextToSpeech:
        levelling = replace(LEVELLING, target_lufs=loudness)
        return TextToSpeech(self.models, levelling, speed_limits=SPEED_LIMITS, decoder=decoder)

    def convert(self, wave: np.ndarray, options: ConversionOptions, progress: Progress) -> np.ndarray:
        """A converted recording ``[T]`` at 24 kHz."""
        return self.converter.convert(wave, options, sample_rate=SAMPLE_RATE, progress=progress).audio

    def speaker(self, wave: np.ndarray, param: str, check: Progress | None = None) -> np.ndarray:
        """Speaker embedding ``[256]`` of ``wave [T]`` at 24 kHz; ``check`` is called now and then, and may end it.

        Raises:
            UserError: there is no speech.
        """
        gated = self.transcriber.speech(wave, None, check)
        embedding = self.models.speaker_encoder.embed(gated.wave, SAMPLE_RATE) if gated.has_speech else None
        if embedding is None or not np.isfinite(embedding).all():
            raise UserError(f"{param}: there is no voice in the recording: give a recording of speech")
        return embedding

    def same_speaker(self, one: np.ndarray, other: np.ndarray) -> float:
        """How surely two speaker embeddings ``[256]`` are of one speaker, 0 to 1."""
        return float(same_speaker(torch.from_numpy(np.stack([one, other])))[0, 1])

    def clone(
        self, wave: np.ndarray, name: str, consent: str, progress: Progress, param: str = "audio_sample"
    ) -> Voice:
        """The voice of the speaker of ``wave [T]`` at 24 kHz; ``param`` is the name of the recording in messages.

        Raises:
            UserError: as ``voicemaking.cloning.clone``.
        """
        with temporary_folder() as folder:
            path = folder / "audio_sample.wav"
            audio.write(path, wave, comment="")
            try:
                made = clone([path], name, consent=consent, models=self.models, progress=progress, config=self.cloning)
                return made.voice
            except UserError as error:
                raise UserError(f"{param}: {error}".replace(str(path), "the recording")) from None
