"""The segments of a recording: between pauses, and between changes of speaker."""

import numpy as np

from nuanced_speech.analysis.speaker_changes import ChangeConfig, SpeakerChanges
from nuanced_speech.analysis.speaker_turns import SpeakerTurns
from nuanced_speech.audio.segmentation import Segment, segment
from nuanced_speech.models.bank import ModelBank


class Segmenter:
    """Cuts recordings at pauses and where another person begins to speak. Threads may share it.

    Args:
        models: the speaker encoder and the segmentation network, which are loaded when they are first needed.
        changes: settings of the search for changes of speaker.
    """

    def __init__(self, models: ModelBank, changes: ChangeConfig | None = None) -> None:
        self.models, self.changes, self.turns = models, changes, SpeakerTurns(models)

    def __call__(self, wave: np.ndarray) -> list[Segment]:
        """Segments of ``wave [T]`` at 24 kHz, in order."""
        return SpeakerChanges(self.models.speaker_encoder, self.changes, self.turns).split(wave, segment(wave))
