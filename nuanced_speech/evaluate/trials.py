"""Trials of a benchmark: recordings, and the voices that they are converted to."""

from contextlib import suppress
from dataclasses import dataclass

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.evaluate.recordings import EvaluationRecording


@dataclass(frozen=True)
class Trial:
    """A conversion to measure.

    Attributes:
        source: the recording.
        reference: a recording of the target speaker; None for the source's own voice.
        more: other recordings of the target speaker, for systems that refine.
    """

    source: EvaluationRecording
    reference: EvaluationRecording | None = None
    more: tuple[EvaluationRecording, ...] = ()

    @property
    def name(self) -> str:
        return self.source.name if self.reference is None else f"{self.source.name}-as-{self.reference.speaker}"


def trials(
    speakers: dict[str, list[EvaluationRecording]], limit: int | None, others: int, more_seconds: float = 0.0
) -> list[Trial]:
    """Trials in the own voice of each recording, then trials in the voices of other speakers.

    Args:
        speakers: recordings by speaker.
        limit: most recordings of each speaker for trials in the own voice; all when None.
        others: conversions of each speaker into the voices of the speakers that follow.
        more_seconds: seconds of further recordings of the target speaker for each trial.
    """
    same_voice = [
        Trial(source, None, _following(recordings, k, more_seconds))
        for recordings in speakers.values()
        for k, source in enumerate(recordings[:limit])
    ]
    names, other_voice = list(speakers), []
    for number, name in enumerate(names):
        for k in range(min(others, len(names) - 1)):
            source = speakers[name][k % len(speakers[name])]
            target = speakers[names[(number + 1 + k) % len(names)]]
            reference = k % len(target)
            other_voice.append(Trial(source, target[reference], _following(target, reference, more_seconds)))
    return same_voice + other_voice


def _following(recordings: list[EvaluationRecording], number: int, seconds: float) -> tuple[EvaluationRecording, ...]:
    """Recordings after the given one, in a circle, of at least this many seconds together.

    One recording is always left out, since outputs are compared with the rest."""
    following: list[EvaluationRecording] = []
    for recording in (recordings[number + 1 :] + recordings[:number])[:-1]:
        if seconds <= 0:
            break
        with suppress(UserError):  # the run names it when it comes to convert it
            seconds -= len(audio.read(recording.path)) / audio.SAMPLE_RATE
            following.append(recording)
    return tuple(following)
