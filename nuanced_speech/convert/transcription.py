"""Transcripts of recordings, for their words and the times of these, and what of a recording is speech."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nuanced_speech.analysis.speech_gate import GatedRecording, SpeechGate
from nuanced_speech.audio.level import gain_of
from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.convert.transcript import compile_word_times, recognised_words
from nuanced_speech.core.progress import Progress
from nuanced_speech.core.timing import stage
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.whisper import Transcript

if TYPE_CHECKING:
    from nuanced_speech.models.whisper_windows import Window


def speech_in(
    wave: np.ndarray,
    gate: SpeechGate,
    transcribe: Callable[[np.ndarray], Transcript],
    check: Progress | None = None,
) -> GatedRecording:
    """The speech in a recording. Where the gate is in doubt, Whisper decides.

    Args:
        wave: ``[T]`` at 24 kHz.
        gate: lets speech through.
        transcribe: transcribes ``[T]`` at 24 kHz.
        check: called by the gate now and then with the share that it has done; may break it off.
    """
    gated = gate(wave, check)
    if gated.doubtful and recognised_words(transcribe(wave * np.float32(gain_of(wave)))):
        return gated.whole(wave)
    return gated


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
