"""What keeps a clip out of a data set: every check gives the reason in words, or None."""

from dataclasses import dataclass

import numpy as np

from nuanced_speech.audio.level import clipped_fraction, snr_db
from nuanced_speech.evaluate.metrics import word_errors
from nuanced_speech.models.whisper import Transcript
from nuanced_speech.tts.split import Span


@dataclass(frozen=True)
class Limits:
    """What a clip must keep.

    Attributes:
        min_seconds: of speech.
        max_seconds: of the clip, its silence included.
        min_snr: dB between the speech and the quietest moments within it.
        max_clipped: fraction of samples at full scale.
        min_rate, max_rate: phonemes a second, pauses included; letters where the language has no phonemes here.
        min_log_probability, max_no_speech, max_compression: Whisper's own measures of a transcript to be doubted, with
            the limits of its paper (Radford et al. 2022, section 4.5).
        max_wer: between a transcript that was given and what Whisper hears.
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


def bad_length(span: Span, longest: float, limits: Limits) -> str | None:
    """Too short, or too long for lack of a pause."""
    if span.seconds < limits.min_seconds:
        return f"too short: {span.seconds:.2f} s of speech, at least {limits.min_seconds:g} s is needed"
    if span.seconds > longest:
        return f"too long: no pause to cut at in {span.seconds:.1f} s, at most {longest:g} s can be kept"
    return None


def bad_sound(wave: np.ndarray, sample_rate: int, limits: Limits) -> str | None:
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


def doubtful(transcript: Transcript, limits: Limits) -> str | None:
    """A transcript that Whisper itself is not sure of."""
    if not any(c.isalnum() for c in transcript.text):
        return "no words: Whisper hears none"
    sure = min(segment.log_probability for segment in transcript.segments)
    if sure < limits.min_log_probability:
        return f"doubtful transcript: mean log probability {sure:.2f}, below {limits.min_log_probability:g}"
    silent = max(segment.no_speech for segment in transcript.segments)
    if silent > limits.max_no_speech:
        return f"doubtful transcript: to {silent:.0%} no speech, by Whisper's own account"
    repeated = max(segment.compression for segment in transcript.segments)
    if repeated > limits.max_compression:
        return f"doubtful transcript: it repeats itself (compression {repeated:.1f})"
    return None


def other_words(given: str, transcript: Transcript, limits: Limits) -> str | None:
    """A transcript that is not what is said."""
    wer = word_errors(given, transcript.text, transcript.language).wer
    if wer > limits.max_wer:
        return f"other words than its transcript: Whisper hears {transcript.text!r} (WER {wer:.0%})"
    return None


def bad_rate(rate: float, unit: str, limits: Limits) -> str | None:
    """Too fast or too slow; what is far too fast or too slow mostly has the wrong transcript."""
    if rate > limits.max_rate:
        return f"too fast: {rate:.1f} {unit} a second, at most {limits.max_rate:g}"
    if rate < limits.min_rate:
        return f"too slow: {rate:.1f} {unit} a second, at least {limits.min_rate:g}"
    return None
