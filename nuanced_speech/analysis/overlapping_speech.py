"""Places of a recording where two people speak at once, which a conversion speaks with one voice."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.core.constants import SAMPLE_RATE, WHISPER_SAMPLE_RATE
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.speaker_segmentation import FIELD_SAMPLES, FRAME_SAMPLES, FRAME_SECONDS, WINDOW_SECONDS
from nuanced_speech.models.voice_activity import SpeechStretch, runs

# A window of less is not told from noise; no recording is as short.
_LEAST_SAMPLES = 2 * FIELD_SAMPLES


@dataclass(frozen=True)
class OverlapConfig:
    """Settings of the search.

    Attributes:
        sure: probability that two people speak at once which a place must reach (docs/experiments.md).
        least: probability that all frames of a place must have.
        shortest_seconds: length that a place must have.
        step_seconds: distance of windows of 10 s; where two of them meet, their mean counts.
    """

    sure: float = 0.7
    least: float = 0.5
    shortest_seconds: float = 0.3
    step_seconds: float = 8.0


class OverlapFinder:
    """Finds places where two people speak at once. Threads may share it.

    Args:
        models: the network, which is loaded when it is first needed.
        config: settings.
    """

    def __init__(self, models: ModelBank, config: OverlapConfig | None = None) -> None:
        self.models, self.config = models, config or OverlapConfig()

    def __call__(self, wave: np.ndarray) -> tuple[SpeechStretch, ...]:
        """Places in ``wave [T]`` at 24 kHz, in order."""
        return overlaps(self.probabilities(wave), self.config)

    def probabilities(self, wave: np.ndarray) -> np.ndarray:
        """Probability that two people speak at once, float32 ``[frames]``, every 17 ms of ``wave [T]`` at 24 kHz."""
        frames = len(wave) * WHISPER_SAMPLE_RATE // SAMPLE_RATE // FRAME_SAMPLES + 1
        sums, counts = np.zeros(frames, np.float32), np.zeros(frames, np.float32)
        network = self.models.speaker_segmentation
        for begin, end in self._windows(len(wave)):
            part = to_16k(wave[begin:end])
            if len(part) < _LEAST_SAMPLES:
                continue
            overlap = network.overlap(part)
            middle = begin * WHISPER_SAMPLE_RATE / SAMPLE_RATE + FIELD_SAMPLES / 2
            first = round(middle / FRAME_SAMPLES)
            overlap = overlap[: frames - first]
            sums[first : first + len(overlap)] += overlap
            counts[first : first + len(overlap)] += 1
        mean: np.ndarray = sums / np.maximum(counts, 1)
        return mean

    def _windows(self, samples: int) -> Iterator[tuple[int, int]]:
        """Begins and ends of windows; the last one ends with the recording, and is as long as the others."""
        length, step = (round(seconds * SAMPLE_RATE) for seconds in (WINDOW_SECONDS, self.config.step_seconds))
        for begin in range(0, max(samples - length, 0) + step, step):
            begin = min(begin, max(samples - length, 0))
            yield begin, min(begin + length, samples)
            if begin + length >= samples:
                return


def overlaps(probabilities: np.ndarray, config: OverlapConfig) -> tuple[SpeechStretch, ...]:
    """Places with a sure frame, of probabilities ``[frames]`` every 17 ms."""
    return tuple(
        SpeechStretch(first * FRAME_SECONDS, last * FRAME_SECONDS)
        for first, last in runs(probabilities >= config.least)
        if (last - first) * FRAME_SECONDS >= config.shortest_seconds and probabilities[first:last].max() >= config.sure
    )
