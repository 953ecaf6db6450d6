"""Transcripts of sources: which segment has which words, and when they were said."""

from collections.abc import Callable
from dataclasses import replace

from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.analysis.speech_gate import GatedRecording
from nuanced_speech.core.constants import SECONDS_PER_UNIT
from nuanced_speech.models.whisper import Transcript
from nuanced_speech.text.dictionary import Dictionary
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.languages import MAPPED_LANGUAGES


def in_recording(transcript: Transcript, gated: GatedRecording) -> Transcript:
    """A transcript of a gated recording with the times of the whole recording."""
    return _timed(transcript, gated.seconds) if gated.cuts or gated.lead else transcript


def moved(transcript: Transcript, seconds: float) -> Transcript:
    """A transcript that begins so much later."""
    return _timed(transcript, lambda time: time + seconds)


def _timed(transcript: Transcript, time: Callable[[float], float]) -> Transcript:
    """A transcript with its times changed."""
    segments = [
        replace(
            piece,
            start=time(piece.start),
            end=time(piece.end),
            words=[replace(w, start=time(w.start), end=time(w.end)) for w in piece.words],
        )
        for piece in transcript.segments
    ]
    return replace(transcript, segments=segments)


def with_phonemes(
    transcript: Transcript, features: list[SegmentFeatures], dictionary: Dictionary | None
) -> list[SegmentFeatures]:
    """Segments with the phonemes of the words whose middle they hold; a single segment has all words."""
    words = [word for piece in transcript.segments for word in piece.words]
    changed = []
    for item in features:
        start, end = item.segment.start * SECONDS_PER_UNIT, item.segment.end * SECONDS_PER_UNIT
        inside = (w.text for w in words if start <= (w.start + w.end) / 2 < end)
        text = transcript.text if len(features) == 1 else " ".join(inside)
        if any(c.isalnum() for c in text):
            phonemes = phonemize(text, transcript.language, dictionary=dictionary)
            item = replace(item, phonemes=phonemes, kin=transcript.language in MAPPED_LANGUAGES)
        changed.append(item)
    return changed
