"""Recordings cut at their silences into clips for speech synthesis."""

from dataclasses import dataclass

import numpy as np

from nuanced_speech.audio.fades import fade_ends
from nuanced_speech.audio.gate import decibels
from nuanced_speech.audio.io import SILENCE_DB
from nuanced_speech.audio.level import active_level_db

FRAME_SECONDS = 0.01
# Decibels above the quietest frames (more than steady noise varies) and below the speech that limit silent frames.
_QUIETEST_PERCENT = 3
_ABOVE_NOISE_DB, _LEAST_BELOW_DB, _MOST_BELOW_DB = 5.0, 20.0, 40.0
# What is quieter than this is digital silence and says nothing about a recording's noise.
_NO_NOISE_DB = -80.0
# Stops are silent for up to a tenth of a second; a shorter sound alone is a click.
_SHORTEST_PAUSE, _SHORTEST_SOUND = 0.1, 0.06
_RAISE_DB, _MOST_RAISED_DB = 4.0, 12.0
# A silence that no clip should have inside.
_LONG_PAUSE = 1.0


@dataclass(frozen=True)
class Span:
    """A stretch from the first to just after the last sound, in seconds of its recording."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def split_at_pauses(wave: np.ndarray, sample_rate: int, shortest: float, longest: float) -> list[Span]:
    """Stretches of speech of at most ``longest`` seconds, wherever there is a pause to cut at; see ``group_sounds``.

    In a stretch without a pause what is a little louder counts as one too: in noise and reverberation nothing is
    silent.
    """
    spans = []
    for span in group_sounds(find_sounds(wave, sample_rate), shortest, longest):
        finer, raised = [span], 0.0
        while any(part.seconds > longest for part in finer) and raised < _MOST_RAISED_DB:
            raised += _RAISE_DB
            inner = wave[round(span.start * sample_rate) : round(span.end * sample_rate)]
            parts = group_sounds(find_sounds(inner, sample_rate, raised), shortest, longest)
            finer = [Span(span.start + part.start, span.start + part.end) for part in parts]
            # its own first and last sounds may be softer than that
            if finer:
                finer[0], finer[-1] = Span(span.start, finer[0].end), Span(finer[-1].start, span.end)
        spans += [span] if any(part.seconds > longest for part in finer) or not finer else finer
    return spans


def find_sounds(wave: np.ndarray, sample_rate: int, raised_db: float = 0.0) -> list[Span]:
    """What is not silence: sounds that at least 0.1 s of silence parts.

    Args:
        wave: ``[T]`` in [-1, 1].
        sample_rate: Hz.
        raised_db: by how much more than usual a frame must be above silence.

    Returns:
        in order; none of a silent recording.
    """
    size = round(FRAME_SECONDS * sample_rate)
    count = len(wave) // size
    speech_db = active_level_db(wave, sample_rate)
    if count == 0 or speech_db < SILENCE_DB:
        return []
    frames = wave[: count * size].reshape(count, size)
    level = decibels(np.einsum("ij,ij->i", frames, frames) / size, 1e-12)
    analogue = level[level > _NO_NOISE_DB]
    noise_db = float(np.percentile(analogue, _QUIETEST_PERCENT)) if len(analogue) else _NO_NOISE_DB
    limit = np.clip(noise_db + _ABOVE_NOISE_DB, speech_db - _MOST_BELOW_DB, speech_db - _LEAST_BELOW_DB) + raised_db
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (level > limit).astype(np.int8), [0]])))
    runs: list[list[int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if runs and (start - runs[-1][1]) * FRAME_SECONDS < _SHORTEST_PAUSE:
            runs[-1][1] = end
        else:
            runs.append([start, end])
    seconds = size / sample_rate
    return [Span(a * seconds, b * seconds) for a, b in runs if (b - a) * FRAME_SECONDS >= _SHORTEST_SOUND]


def group_sounds(sounds: list[Span], shortest: float, longest: float) -> list[Span]:
    """Sounds joined to stretches of speech: cut at every pause of a second, and where a stretch is too long at its
    longest pause, again and again.

    Args:
        sounds: as ``find_sounds`` returned them.
        shortest: seconds that a cut leaves on both sides, where a pause lies so.
        longest: seconds of a stretch. One that no pause parts is returned as long as it is.
    """
    if not sounds:
        return []
    starts, ends = np.array([s.start for s in sounds]), np.array([s.end for s in sounds])
    pauses = starts[1:] - ends[:-1]
    hard = np.flatnonzero(pauses >= _LONG_PAUSE) + 1
    waiting = [(int(a), int(b)) for a, b in zip([0, *hard], [*hard, len(sounds)], strict=True)][::-1]
    spans = []
    while waiting:
        first, last = waiting.pop()
        start, end = starts[first], ends[last - 1]
        if end - start <= longest or last - first == 1:
            spans.append(Span(float(start), float(end)))
            continue
        inner = pauses[first : last - 1]
        balanced = (ends[first : last - 1] - start >= shortest) & (end - starts[first + 1 : last] >= shortest)
        cut = first + 1 + int(np.argmax(np.where(balanced, inner, -1.0) if balanced.any() else inner))
        waiting += [(cut, last), (first, cut)]
    return spans


def pad_clip(wave: np.ndarray, sample_rate: int, span: Span, pad: float, margin: float = 0.08) -> np.ndarray:
    """A span with exactly ``pad`` seconds of silence on both sides, float32.

    Up to ``margin`` seconds of it are the recording's own, faded in and out, so that no soft onset is cut; the rest
    is zeros.
    """
    margin = min(margin, pad)
    start, end = round(span.start * sample_rate), round(span.end * sample_rate)
    margin_samples = round(margin * sample_rate)
    first, last = max(start - margin_samples, 0), min(end + margin_samples, len(wave))
    before, after = start - first, last - end
    clip = fade_ends(wave[first:last].astype(np.float32), max(before, 0), max(after, 0), reach_full_gain=False)
    silence = round(pad * sample_rate)
    return np.pad(clip, (silence - before, silence - after))
