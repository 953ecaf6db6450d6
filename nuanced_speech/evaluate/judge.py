"""Measurement of a benchmark's outputs, one by one."""

from contextlib import suppress
from dataclasses import asdict, dataclass

import numpy as np

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.evaluate import metrics, report
from nuanced_speech.evaluate.quality import quality
from nuanced_speech.evaluate.recordings import Recording
from nuanced_speech.evaluate.trials import Trial
from nuanced_speech.models.whisper import Transcript, WhisperModel


@dataclass(frozen=True)
class Result:
    """Figures of one conversion.

    Attributes:
        wrong_words, words: word errors against the reference transcript (Whisper's where the recording has none), and
            its number of words. Counts are pooled over clips.
        wrong_characters, characters: the same for characters.
        wrong_source_words, source_words: the same against Whisper's transcript of the source.
        wrong_either_words: errors against the nearer of the two transcripts, stretch by stretch.
        secs: cosine with the other recordings of the target speaker.
        second: the same for another recording of the target speaker.
        stranger: the same for recordings of other speakers.
        transcript: Whisper's transcript of the output.
    """

    system: str
    recording: str
    speaker: str
    target: str | None
    wrong_words: int
    words: int
    wrong_characters: int
    characters: int
    wrong_source_words: int
    source_words: int
    wrong_either_words: int
    f0_correlation: float
    f0_rmse_cents: float
    voicing_error: float
    energy_correlation: float
    secs: float
    second: float
    stranger: float
    sig: float | None
    bak: float | None
    ovrl: float | None
    p808: float | None
    distill_mos: float | None
    source_seconds: float
    output_seconds: float
    processing_seconds: float
    transcript: str


class Judge:
    """Measures outputs. Each recording is transcribed and embedded once."""

    def __init__(
        self, speakers: dict[str, list[Recording]], listener: WhisperModel, language: str | None = None
    ) -> None:
        self.speakers, self.listener, self.language = speakers, listener, language
        self.sources: dict[Recording, tuple[Transcript, report.Contours]] = {}
        self.voices: dict[Recording, np.ndarray | None] = {}

    def measure(self, system: str, trial: Trial, source: np.ndarray, output: np.ndarray, seconds: float) -> Result:
        """Figures of a trial.

        Args:
            system: name of the system.
            trial: the trial.
            source, output: waveforms ``[T]`` at 24 kHz.
            seconds: processing time.
        """
        recording = trial.source
        source_transcript, before = self._source(recording, source)
        language = source_transcript.language
        transcript = report.transcribe(self.listener, output, language).text
        after = report.contours(output)
        reference = recording.text or source_transcript.text
        errors = metrics.word_errors(reference, transcript, language)
        source_errors = metrics.word_errors(source_transcript.text, transcript, language)
        target = trial.reference or recording
        used = (target, *trial.more)
        strangers = [self._similarity(self._voice(target), s, used) for s in self.speakers if s != target.speaker]
        f0 = after.f0
        if trial.reference is not None:
            # voices differ in range, so melodies are compared around their own medians
            f0 = f0 * 2 ** np.nan_to_num(median_log_f0(before.f0) - median_log_f0(f0))
        return Result(
            system=system,
            recording=recording.name,
            speaker=recording.speaker,
            target=None if trial.reference is None else target.speaker,
            wrong_words=errors.words.total,
            words=errors.words.reference_length,
            wrong_characters=errors.characters.total,
            characters=errors.characters.reference_length,
            wrong_source_words=source_errors.words.total,
            source_words=source_errors.words.reference_length,
            wrong_either_words=metrics.edits_from_either(source_transcript.text, reference, transcript, language),
            f0_correlation=metrics.f0_correlation(before.f0, f0),
            f0_rmse_cents=metrics.f0_rmse_cents(before.f0, f0),
            voicing_error=metrics.voicing_error(before.f0, f0),
            energy_correlation=metrics.energy_correlation(before.n, after.n),
            secs=self._similarity(metrics.speaker_embedding(output, audio.SAMPLE_RATE), target.speaker, used),
            second=self._similarity(self._voice(target), target.speaker, used),
            stranger=float(np.nanmean([*strangers, np.nan])) if np.isfinite(strangers).any() else float("nan"),
            **asdict(quality(output, audio.SAMPLE_RATE)),
            source_seconds=len(source) / audio.SAMPLE_RATE,
            output_seconds=len(output) / audio.SAMPLE_RATE,
            processing_seconds=seconds,
            transcript=transcript,
        )

    def _source(self, recording: Recording, wave: np.ndarray) -> tuple[Transcript, report.Contours]:
        if recording not in self.sources:
            transcript = report.transcribe(self.listener, wave, self.language)
            self.sources[recording] = transcript, report.contours(wave)
        return self.sources[recording]

    def _voice(self, recording: Recording) -> np.ndarray | None:
        if recording not in self.voices:
            self.voices[recording] = None
            with suppress(UserError):  # the run names it when it comes to convert it
                wave = audio.read(recording.path)
                self.voices[recording] = metrics.speaker_embedding(wave, audio.SAMPLE_RATE)
        return self.voices[recording]

    def _similarity(self, voice: np.ndarray | None, speaker: str, but: tuple[Recording, ...]) -> float:
        """Cosine with the mean embedding of a speaker's recordings except ``but``; NaN where there is no other."""
        voices = [self._voice(r) for r in self.speakers[speaker] if r not in but]
        embeddings = [embedding for embedding in voices if embedding is not None]
        return metrics.cosine(voice, np.mean(embeddings, 0) if embeddings else None)
