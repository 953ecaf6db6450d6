"""Likeness of outputs to a speaker's recordings, by one speaker network."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.evaluate import metrics
from nuanced_speech.evaluate.recordings import EvaluationRecording

Embed = Callable[[np.ndarray, int], "np.ndarray | None"]
"""Embedding of a waveform ``[T]`` at a sample rate in Hz; None where there is no speech."""


@dataclass(frozen=True)
class Cosines:
    """Cosines with the mean embedding of a speaker's recordings; NaN where there is nothing to compare.

    Attributes:
        output: of the output, with the target speaker's recordings.
        second: of one more recording of the target speaker, with the same recordings.
        stranger: of that recording, with the recordings of other speakers.
    """

    output: float
    second: float
    stranger: float


class Likeness:
    """Compares outputs with recordings. Each recording is embedded once.

    Args:
        speakers: recordings by speaker.
        embed: the speaker network.
    """

    def __init__(self, speakers: dict[str, list[EvaluationRecording]], embed: Embed) -> None:
        self.speakers, self.embed = speakers, embed
        self._embeddings: dict[EvaluationRecording, np.ndarray | None] = {}

    def measure(
        self, output: np.ndarray, target: EvaluationRecording, used: tuple[EvaluationRecording, ...]
    ) -> Cosines:
        """Cosines of an output ``[T]`` at 24 kHz.

        Args:
            output: waveform.
            target: the recording that the voice of the output comes from.
            used: recordings that nothing is compared with, because the system has had them.
        """
        strangers = [self._similarity(self._of(target), s, used) for s in self.speakers if s != target.speaker]
        return Cosines(
            output=self._similarity(self.embed(output, audio.SAMPLE_RATE), target.speaker, used),
            second=self._similarity(self._of(target), target.speaker, used),
            stranger=float(np.nanmean([*strangers, np.nan])) if np.isfinite(strangers).any() else float("nan"),
        )

    def _of(self, recording: EvaluationRecording) -> np.ndarray | None:
        if recording not in self._embeddings:
            self._embeddings[recording] = None
            with suppress(UserError):  # the run names it when it comes to convert it
                self._embeddings[recording] = self.embed(audio.read(recording.path), audio.SAMPLE_RATE)
        return self._embeddings[recording]

    def _similarity(self, voice: np.ndarray | None, speaker: str, but: tuple[EvaluationRecording, ...]) -> float:
        """Cosine with the mean embedding of a speaker's recordings except ``but``; NaN where there is no other."""
        voices = [self._of(r) for r in self.speakers[speaker] if r not in but]
        embeddings = [embedding for embedding in voices if embedding is not None]
        return metrics.cosine(voice, np.mean(embeddings, 0) if embeddings else None)
