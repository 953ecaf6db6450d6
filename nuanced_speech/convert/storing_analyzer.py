"""An analyzer that hands what it measures to a store, window by window."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np

from nuanced_speech.analysis.analyzer import AnalyzerConfig, RecordingAnalyzer
from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.analysis.prepared_segment import windows
from nuanced_speech.analysis.speech_gate import SpeechGate
from nuanced_speech.audio.level import gain_of
from nuanced_speech.audio.segmentation import Segment, segment
from nuanced_speech.convert.spooled_features import SpooledFeatures
from nuanced_speech.core.constants import UNITS_PER_SECOND
from nuanced_speech.core.progress import Progress, part_of


class FeatureStore(Protocol):
    """Where the features of one recording are put: ``KeptFeatures`` or ``SpooledFeatures``."""

    def window(self, number: int, measure: Callable[[], list[SegmentFeatures]]) -> list[SegmentFeatures]:
        """The features of a window of segments, measured if they are not there, with their frames in the store."""
        ...


class StoringAnalyzer:
    """An analyzer whose features lie in a store, so that hours take no more memory than minutes. Takes the place of
    ``Analyzer``.

    Args:
        analyzer: measures.
        store: the store of a recording of so many seconds; None where its features stay in memory.
    """

    def __init__(self, analyzer: RecordingAnalyzer, store: Callable[[float], FeatureStore | None]) -> None:
        self.analyzer, self.store = analyzer, store

    @property
    def config(self) -> AnalyzerConfig:
        """As ``Analyzer.config``."""
        return self.analyzer.config

    @property
    def gate(self) -> SpeechGate:
        """As ``Analyzer.gate``."""
        return self.analyzer.gate

    def __call__(
        self,
        recording: np.ndarray,
        segments: list[Segment] | None = None,
        gain: float | None = None,
        phonemes: bool = False,
        progress: Progress | None = None,
    ) -> list[SegmentFeatures]:
        """As ``Analyzer.__call__``; windows do not depend on each other, so each is measured by itself.

        Raises:
            UserError: the store cannot be written.
        """
        segments = segment(recording) if segments is None else segments
        store = self.store(sum(item.units for item in segments) / UNITS_PER_SECOND)
        if store is None:
            return self.analyzer(recording, segments, gain, phonemes, progress)
        gain = gain_of(recording) if gain is None else gain
        features: list[SegmentFeatures] = []
        for number, group in enumerate(windows(segments, self.config.window_units if phonemes else 0)):
            done = len(features) + len(group)
            part = part_of(progress, len(features) / len(segments), done / len(segments))
            features += store.window(number, partial(self.analyzer, recording, group, gain, phonemes, part))
            if progress is not None:
                progress(done / len(segments))
        return features


def spooling(analyzer: RecordingAnalyzer, device: str, seconds: float = 300.0) -> StoringAnalyzer:
    """An analyzer that puts the frames of recordings of more than so many seconds in a temporary file.

    Args:
        analyzer: measures.
        device: where tensors are put.
        seconds: a recording of less is measured as ever.
    """
    return StoringAnalyzer(analyzer, lambda length: SpooledFeatures(device) if length > seconds else None)
