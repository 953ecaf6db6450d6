"""Places of a recording where one person stops and another begins, by a network that tells speakers apart."""

from dataclasses import dataclass

import numpy as np

from nuanced_speech.analysis.speaker_activity import activity_windows
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.speaker_segmentation import FRAME_SECONDS


@dataclass(frozen=True)
class SpeakerTurnConfig:
    """Settings of the search for turns.

    Attributes:
        step_seconds: distance of windows of 10 s.
        side_seconds: speech that there must be on either side of a turn, in the same window.
        context_seconds: speech on either side that is looked at, at most.
        pure: share of that speech that must be of the right speaker, minus the share of the other.
    """

    step_seconds: float = 5.0
    side_seconds: float = 1.0
    context_seconds: float = 1.5
    pure: float = 0.9


class SpeakerTurns:
    """Finds turns. Threads may share it.

    Args:
        models: the network, which is loaded when it is first needed.
        config: settings.
    """

    def __init__(self, models: ModelBank, config: SpeakerTurnConfig | None = None) -> None:
        self.models, self.config = models, config or SpeakerTurnConfig()

    def __call__(self, wave: np.ndarray) -> list[float]:
        """Times in ``wave [T]`` at 24 kHz, in seconds, at which the speaker may have changed, to about 0.3 s.

        The network tells the speakers of ten seconds apart, and now and then takes one for two.
        """
        found: list[float] = []
        for window in activity_windows(wave, self.config.step_seconds):
            speakers = self.models.speaker_segmentation.speakers(window.wave)
            found += [(window.first + frame) * FRAME_SECONDS for frame in turns(speakers, self.config)]
        return _merged(sorted(found), self.config.side_seconds)


def turns(speakers: np.ndarray, config: SpeakerTurnConfig) -> list[float]:
    """Frames between two speakers, of their probabilities ``[frames, 3]``."""
    voiced = np.flatnonzero(speakers.max(1) > 0.5)
    speaking = speakers[voiced].argmax(1)
    side, context = (round(s / FRAME_SECONDS) for s in (config.side_seconds, config.context_seconds))
    found = []
    for place in np.flatnonzero(speaking[1:] != speaking[:-1]) + 1:
        before, after = speaking[max(0, place - context) : place], speaking[place : place + context]
        if min(len(before), len(after)) < side:
            continue
        one, other = before[-1], after[0]
        purity = min(np.mean(before == one) - np.mean(before == other), np.mean(after == other) - np.mean(after == one))
        if purity >= config.pure:
            found.append((voiced[place - 1] + voiced[place]) / 2)
    return found


def _merged(times: list[float], near: float) -> list[float]:
    """Means of groups of times that are less than ``near`` seconds apart."""
    groups: list[list[float]] = []
    for time in times:
        if groups and time - groups[-1][-1] < near:
            groups[-1].append(time)
        else:
            groups.append([time])
    return [float(np.mean(group)) for group in groups]
