"""Filters that keep clips out of a data set: each returns the reason in words, or None."""

from dataclasses import dataclass

import numpy as np

from nuanced_speech.audio.level import clipped_fraction, snr_db
from nuanced_speech.models.whisper import Transcript
from nuanced_speech.text.word_errors import word_errors
from nuanced_speech.tts.split import Span


@dataclass(frozen=True)
class QualityLimits:
    """Limits that a clip must keep.

    Attributes:
        min_seconds: of speech.
        max_seconds: of the clip, its silence included.
        min_snr: dB between the speech and the quietest moments within it.
        max_clipped: fraction of samples at full scale.
        min_rate, max_rate: phonemes a second, pauses included; letters where the language has no phonemes here.
        min_log_probability, max_no_speech, max_compression: Whisper's own measures of a transcript to be doubted, with
            the limits of its paper (Radford et al. 2022, section 4.5).
        max_wer: between a given transcript and Whisper's.
    """

    min_seconds: float = 1.0
    max_seconds: float = 12.0
    min_snr: float = 15.0
    max_clipped: float = 0.0005
    min_rate: float = 5.0
    max_rate: float = 22.0
    min_log_probability: float = -1.0
    max_no_speech: float = 0.6
    max_compression: float = 2.4
    max_wer: float = 0.3


def length_problem(span: Span, longest: float, limits: QualityLimits) -> str | None:
    """Too short, or too long for lack of a pause."""
    if span.seconds < limits.min_seconds:
        return f"too short: {span.seconds:.2f} s of speech, at least {limits.min_seconds:g} s is needed"
    if span.seconds > longest:
        return f"too long: no pause to cut at in {span.seconds:.1f} s, at most {longest:g} s can be kept"
    return None


def sound_problem(wave: np.ndarray, sample_rate: int, limits: QualityLimits) -> str | None:
    """Clipped or noisy.

    Args:
        wave: the clip ``[T]`` as it was recorded, without the silence around it.
        sample_rate: Hz.
    """
    clipped = clipped_fraction(wave)
    if clipped > limits.max_clipped:
        return f"clipped: {clipped:.2%} of the samples are at full scale"
    snr = snr_db(wave, sample_rate)
    if snr < limits.min_snr:
        return f"noisy: the speech is only {snr:.0f} dB above the quietest moments, {limits.min_snr:g} dB is needed"
    return None


def confidence_problem(transcript: Transcript, limits: QualityLimits) -> str | None:
    """A transcript that Whisper itself gives a low confidence."""
    if not any(c.isalnum() for c in transcript.text):
        return "no words: Whisper recognises none"
    log_probability = min(segment.log_probability for segment in transcript.segments)
    if log_probability < limits.min_log_probability:
        return f"doubtful transcript: mean log probability {log_probability:.2f}, below {limits.min_log_probability:g}"
    no_speech = max(segment.no_speech for segment in transcript.segments)
    if no_speech > limits.max_no_speech:
        return f"doubtful transcript: no speech with a probability of {no_speech:.0%}"
    compression = max(segment.compression for segment in transcript.segments)
    if compression > limits.max_compression:
        return f"doubtful transcript: it repeats itself (compression {compression:.1f})"
    return None


def transcript_mismatch(given: str, transcript: Transcript, limits: QualityLimits) -> str | None:
    """A given transcript that differs from Whisper's."""
    wer = word_errors(given, transcript.text, transcript.language).wer
    if wer > limits.max_wer:
        return f"other words than its transcript: Whisper recognises {transcript.text!r} (WER {wer:.0%})"
    return None


def rate_problem(rate: float, unit: str, limits: QualityLimits) -> str | None:
    """Too fast or too slow; what is far too fast or too slow mostly has the wrong transcript."""
    if rate > limits.max_rate:
        return f"too fast: {rate:.1f} {unit} a second, at most {limits.max_rate:g}"
    if rate < limits.min_rate:
        return f"too slow: {rate:.1f} {unit} a second, at least {limits.min_rate:g}"
    return None
