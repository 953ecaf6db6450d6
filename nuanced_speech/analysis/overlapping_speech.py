"""Places of a recording where two people speak at once, which a conversion speaks with one voice."""

from dataclasses import dataclass

import numpy as np

from nuanced_speech.analysis.speaker_activity import activity_windows, frames_of
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.speaker_segmentation import FRAME_SECONDS
from nuanced_speech.models.voice_activity import SpeechStretch, runs


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
        frames = frames_of(wave)
        sums, counts = np.zeros(frames, np.float32), np.zeros(frames, np.float32)
        for window in activity_windows(wave, self.config.step_seconds):
            overlap = self.models.speaker_segmentation.overlap(window.wave)[: frames - window.first]
            sums[window.first : window.first + len(overlap)] += overlap
            counts[window.first : window.first + len(overlap)] += 1
        mean: np.ndarray = sums / np.maximum(counts, 1)
        return mean


def overlaps(probabilities: np.ndarray, config: OverlapConfig) -> tuple[SpeechStretch, ...]:
    """Places with a sure frame, of probabilities ``[frames]`` every 17 ms."""
    return tuple(
        SpeechStretch(first * FRAME_SECONDS, last * FRAME_SECONDS)
        for first, last in runs(probabilities >= config.least)
        if (last - first) * FRAME_SECONDS >= config.shortest_seconds and probabilities[first:last].max() >= config.sure
    )
