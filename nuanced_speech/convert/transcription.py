"""Transcripts of recordings, for their words and the times of these."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nuanced_speech.analysis.prepared_segment import windows
from nuanced_speech.analysis.speech_gate import GatedRecording, SpeechGate, speech_in
from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.audio.segmentation import Segment, segment
from nuanced_speech.convert.transcript import in_recording, moved
from nuanced_speech.core.constants import SAMPLES_PER_UNIT, SECONDS_PER_UNIT, UNITS_PER_SECOND
from nuanced_speech.core.progress import Progress
from nuanced_speech.core.timing import stage
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.whisper import Transcript

if TYPE_CHECKING:
    from nuanced_speech.models.whisper_windows import Window

# Longest stretch that is transcribed at once: what Whisper takes in one window.
_WINDOW_SECONDS = 28


class Transcriber(Protocol):
    """What transcribes recordings: a ``RecordingTranscriber``, or what takes its place."""

    def __call__(
        self, wave: np.ndarray, language: str | None, word_times: bool, progress: Progress | None = None
    ) -> Transcript:
        """As ``RecordingTranscriber``."""
        ...


class RecordingTranscriber:
    """Transcribes recordings. Threads may share it.

    Args:
        models: Whisper.
    """

    def __init__(self, models: ModelBank) -> None:
        self.models = models

    def __call__(
        self,
        wave: np.ndarray,
        language: str | None,
        word_times: bool,
        progress: Progress | None = None,
        known: Sequence["Window"] = (),
        keep: Callable[["Window"], None] | None = None,
    ) -> Transcript:
        """Transcript of ``wave [T]`` at 24 kHz. Word times cost another pass of Whisper's decoder, and only say which
        segment a word is in. ``progress`` is called with the share that is done; ``known`` and ``keep`` are as for
        ``WhisperModel.transcribe``."""
        if word_times:
            from nuanced_speech.models.whisper_windows import compile_word_times  # it loads numba

            with stage("load"):
                compile_word_times()
        with stage("transcribe"):
            return self.models.transcriber.transcribe(
                to_16k(wave), language, words=word_times, progress=progress, known=known, keep=keep
            )

    def language(self, wave: np.ndarray) -> str:
        """The language (ISO 639-1) that is spoken in ``wave [T]`` at 24 kHz."""
        with stage("transcribe"):
            return self.models.transcriber.language(to_16k(wave))


class SpeechTranscriber:
    """Finds the speech in recordings, and transcribes it alone. Threads may share it.

    Args:
        models: Whisper.
        gate: lets speech through.
        transcribe: its words decide where the gate is in doubt.
    """

    def __init__(self, models: ModelBank, gate: SpeechGate, transcribe: Transcriber) -> None:
        self.models, self.gate, self.transcribe = models, gate, transcribe

    def speech(self, wave: np.ndarray, language: str | None = None, check: Progress | None = None) -> GatedRecording:
        """The speech in ``wave [T]`` at 24 kHz; ``check`` is called now and then, and may end it."""
        return speech_in(wave, self.gate, lambda loud: self.transcribe(loud, language, False, check), check)

    def stretches(
        self,
        wave: np.ndarray,
        language: str | None,
        words: bool,
        prompt: str | None = None,
        temperature: float = 0.0,
        check: Progress | None = None,
    ) -> Iterator[Transcript]:
        """Transcripts of stretches of ``wave [T]`` at 24 kHz, in order, each cut at a pause, with the times of the
        recording; ``prompt`` and ``temperature`` are as for ``WhisperModel.transcribe``, and ``check`` as for
        ``speech``. Of a recording without speech there are none."""
        gated = self.speech(wave, language, check)
        if not gated.has_speech:
            return
        for group in windows(segment(gated.wave), _WINDOW_SECONDS * UNITS_PER_SECOND):
            part = to_16k(gated.wave[_samples(group)])
            transcript = self.models.transcriber.transcribe(part, language, words, prompt, temperature=temperature)
            language = language or transcript.language
            yield in_recording(moved(transcript, group[0].start * SECONDS_PER_UNIT), gated)


def _samples(group: list[Segment]) -> slice:
    """Place of a group in a recording at 24 kHz, without the margins, whose words are the neighbours'."""
    return slice(group[0].start * SAMPLES_PER_UNIT, group[-1].end * SAMPLES_PER_UNIT)
