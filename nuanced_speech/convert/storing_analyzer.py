"""An analyzer that hands what it measures to a store, so that hours take no more memory than minutes."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

import numpy as np

from nuanced_speech.analysis.analyzer import AnalyzerConfig, RecordingAnalyzer
from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.analysis.prepared_segment import windows
from nuanced_speech.analysis.speech_gate import SpeechGate
from nuanced_speech.audio.level import gain_of
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.core.constants import UNITS_PER_SECOND
from nuanced_speech.core.progress import Progress, part_of


class FeatureStore(Protocol):
    """Where the features of one recording go: a ``FeatureFolder`` or a ``FrameSpool``."""

    def window(self, number: int, measure: Callable[[], list[SegmentFeatures]]) -> list[SegmentFeatures]:
        """The features of a window of segments, whose frames are in the store.

        Args:
            number: of the window in the recording.
            measure: measures the window; not called if the store has it already.
        """
        ...


class StoringAnalyzer:
    """An analyzer that stores what it measures of long recordings. Takes the place of ``Analyzer``.

    Args:
        analyzer: measures what is not stored yet.
        store: gives the store of a recording.
        seconds: a recording of more speech is long; one of less is measured as ever, and not stored.
    """

    def __init__(self, analyzer: RecordingAnalyzer, store: Callable[[], FeatureStore], seconds: float = 0.0) -> None:
        self.analyzer, self.store, self.seconds = analyzer, store, seconds

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
        """As ``Analyzer.__call__``; without ``segments`` nothing is stored.

        Raises:
            UserError: the store cannot be read or written.
        """
        units = sum(item.units for item in segments or ())
        if segments is None or units <= self.seconds * UNITS_PER_SECOND:
            return self.analyzer(recording, segments, gain, phonemes, progress)
        store = self.store()
        longest = self.config.window_units if phonemes else 0
        gain = gain_of(recording) if gain is None else gain
        features: list[SegmentFeatures] = []
        for number, (group, part) in enumerate(_by_windows(segments, longest, progress)):
            features += store.window(number, partial(self.analyzer, recording, group, gain, phonemes, part))
        return features


def _by_windows(
    segments: Sequence[Segment], longest: int, progress: Progress | None
) -> Iterator[tuple[list[Segment], Progress | None]]:
    """Segments in windows that span at most ``longest`` units, and what is told the progress of each.

    Windows do not depend on each other, so each can be measured, and stored, by itself.
    """
    done = 0
    for group in windows(segments, longest):
        ready = done + len(group)
        yield group, part_of(progress, done / len(segments), ready / len(segments))
        if progress is not None:
            progress(ready / len(segments))
        done = ready
