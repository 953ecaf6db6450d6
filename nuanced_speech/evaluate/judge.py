"""Measurement of a benchmark's outputs, one by one."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nuanced_speech import audio
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.evaluate import campplus, metrics, phones, report, second_pitch
from nuanced_speech.evaluate.likeness import Cosines, Likeness
from nuanced_speech.evaluate.quality import Quality, quality
from nuanced_speech.evaluate.recordings import EvaluationRecording
from nuanced_speech.evaluate.trials import Trial
from nuanced_speech.models.whisper import Transcript, WhisperModel
from nuanced_speech.text.word_errors import count_edits, edits_from_either, word_errors


@dataclass(frozen=True)
class Result:
    """Figures of one conversion.

    Attributes:
        wrong_words, words: word errors against the reference transcript (Whisper's where the recording has none), and
            its number of words. Counts are pooled over clips.
        wrong_characters, characters: the same for characters.
        wrong_source_words, source_words: the same against Whisper's transcript of the source.
        wrong_either_words: errors against the nearer of the two transcripts, stretch by stretch.
        wrong_phones, phones: edits from the source's phones to the output's, by the second recognizer, and the number
            of the source's; None where its package is not installed.
        second_f0_correlation: F0 correlation by a tracker that no conversion uses; None where it is not installed.
        secs: Resemblyzer's cosine with the other recordings of the target speaker.
        second: the same for another recording of the target speaker.
        stranger: the same for recordings of other speakers.
        campplus, campplus_second, campplus_stranger: the same three by CAM++; None where its weights are missing.
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
    wrong_phones: int | None
    phones: int | None
    f0_correlation: float
    second_f0_correlation: float | None
    f0_rmse_cents: float
    voicing_error: float
    energy_correlation: float
    secs: float
    second: float
    stranger: float
    campplus: float | None
    campplus_second: float | None
    campplus_stranger: float | None
    sig: float | None
    bak: float | None
    ovrl: float | None
    p808: float | None
    distill_mos: float | None
    source_seconds: float
    output_seconds: float
    processing_seconds: float
    transcript: str


@dataclass(frozen=True)
class JudgedSpeech:
    """What is compared between source and output: Whisper's transcript, contours, phones by the second recognizer, and
    F0 by the second tracker; None where a package is not installed."""

    transcript: Transcript
    contours: report.Contours
    phones: list[str] | None
    second_f0: np.ndarray | None


class Judge:
    """Measures outputs. Each recording is transcribed and embedded once.

    Args:
        speakers: recordings by their speakers.
        listener: transcribes.
        language: ISO 639-1 code of the recordings, detected when None.
        rate: predicts opinions of ``wave [T]`` at a sample rate.
    """

    def __init__(
        self,
        speakers: dict[str, list[EvaluationRecording]],
        listener: WhisperModel,
        language: str | None = None,
        rate: Callable[[np.ndarray, int], Quality] = quality,
    ) -> None:
        self.listener, self.language, self.rate = listener, language, rate
        self.sources: dict[EvaluationRecording, JudgedSpeech] = {}
        self.resemblyzer = Likeness(speakers, metrics.speaker_embedding)
        self.campplus = Likeness(speakers, campplus.embed) if campplus.available() else None

    def measure(self, system: str, trial: Trial, source: np.ndarray, output: np.ndarray, seconds: float) -> Result:
        """Figures of a trial.

        Args:
            system: name of the system.
            trial: the trial.
            source, output: waveforms ``[T]`` at 24 kHz.
            seconds: processing time.
        """
        recording = trial.source
        original = self._source(recording, source)
        source_transcript, before = original.transcript, original.contours
        language = source_transcript.language
        converted = self._analyse(output, language)
        transcript, after = converted.transcript.text, converted.contours
        reference = recording.text or source_transcript.text
        errors = word_errors(reference, transcript, language)
        source_errors = word_errors(source_transcript.text, transcript, language)
        target = trial.reference or recording
        used = (target, *trial.more)
        likeness = self.resemblyzer.measure(output, target, used)
        second_likeness = self.campplus.measure(output, target, used) if self.campplus else None
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
            wrong_either_words=edits_from_either(source_transcript.text, reference, transcript, language),
            f0_correlation=metrics.f0_correlation(before.f0, f0),
            f0_rmse_cents=metrics.f0_rmse_cents(before.f0, f0),
            voicing_error=metrics.voicing_error(before.f0, f0),
            energy_correlation=metrics.energy_correlation(before.n, after.n),
            secs=likeness.output,
            second=likeness.second,
            stranger=likeness.stranger,
            **_second_figures(original, converted),
            **_campplus_figures(second_likeness),
            **asdict(self.rate(output, audio.SAMPLE_RATE)),
            source_seconds=len(source) / audio.SAMPLE_RATE,
            output_seconds=len(output) / audio.SAMPLE_RATE,
            processing_seconds=seconds,
            transcript=transcript,
        )

    def _source(self, recording: EvaluationRecording, wave: np.ndarray) -> JudgedSpeech:
        if recording not in self.sources:
            self.sources[recording] = self._analyse(wave, self.language)
        return self.sources[recording]

    def _analyse(self, wave: np.ndarray, language: str | None) -> JudgedSpeech:
        """What is compared of ``wave [T]`` at 24 kHz."""
        contours = report.contours(wave)
        return JudgedSpeech(
            transcript=report.transcribe(self.listener, wave, language),
            contours=contours,
            phones=phones.phones(wave, audio.SAMPLE_RATE) if phones.available() else None,
            second_f0=(
                second_pitch.harvest(wave, audio.SAMPLE_RATE, contours.f0 > 0) if second_pitch.available() else None
            ),
        )


def _second_figures(source: JudgedSpeech, output: JudgedSpeech) -> dict[str, Any]:
    """Figures by the second recognizer and by the second tracker."""
    edits, correlation = None, None
    if source.phones is not None and output.phones is not None:
        edits = count_edits(source.phones, output.phones)
    if source.second_f0 is not None and output.second_f0 is not None:
        correlation = metrics.f0_correlation(source.second_f0, output.second_f0)
    return {
        "wrong_phones": edits and edits.total,
        "phones": edits and edits.reference_length,
        "second_f0_correlation": correlation,
    }


def _campplus_figures(cosines: Cosines | None) -> dict[str, Any]:
    """Figures by CAM++, each None where there are none."""
    return {
        "campplus": cosines and cosines.output,
        "campplus_second": cosines and cosines.second,
        "campplus_stranger": cosines and cosines.stranger,
    }
