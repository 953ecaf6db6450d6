"""A recording to the features of its segments.

recording → prepared segments → Whisper features → content, phoneme probabilities, style
                              → F0, energy, spectral balance, speaker embedding
                              → windows of segments → phonemes
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.analysis.measurement import SegmentMeasurer
from nuanced_speech.analysis.phoneme_recognition import WindowRecognizer
from nuanced_speech.analysis.prepared_segment import prepared_windows
from nuanced_speech.analysis.speech_gate import SpeechGate
from nuanced_speech.audio.level import gain_of
from nuanced_speech.audio.segmentation import Segment, segment
from nuanced_speech.core.constants import UNITS_PER_SECOND
from nuanced_speech.core.errors import NoSpeechError
from nuanced_speech.core.progress import Progress
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.phoneme_recognizer import SILENCE_SECONDS
from nuanced_speech.models.whisper import WINDOW_SECONDS


@dataclass(frozen=True)
class AnalyzerConfig:
    """Settings of the analysis.

    Attributes:
        window_units: longest stretch whose phonemes are recognised at once, in 25 ms units: what Whisper takes in one
            window, less the silence that follows.
    """

    window_units: int = int((WINDOW_SECONDS - SILENCE_SECONDS) * UNITS_PER_SECOND)


class RecordingAnalyzer(Protocol):
    """What measures recordings: an ``Analyzer``, or what takes its place.

    Attributes:
        config: settings.
        gate: lets the speech of a recording through.
    """

    @property
    def config(self) -> AnalyzerConfig: ...

    @property
    def gate(self) -> SpeechGate: ...

    def __call__(
        self,
        recording: np.ndarray,
        segments: list[Segment] | None = None,
        gain: float | None = None,
        phonemes: bool = False,
        progress: Progress | None = None,
    ) -> list[SegmentFeatures]:
        """As ``Analyzer``."""
        ...


class Analyzer:
    """Measures recordings. Threads may share it.

    Args:
        models: Whisper, content adapter, phoneme recognizer, style encoders, speaker encoder.
        measurer: prepared segments to features; made of ``models`` if omitted.
        recognizer: phonemes of windows of segments; made of ``models`` if omitted.
        config: settings.
        gate: lets the speech of a recording through.
    """

    def __init__(
        self,
        models: ModelBank,
        measurer: SegmentMeasurer | None = None,
        recognizer: WindowRecognizer | None = None,
        config: AnalyzerConfig | None = None,
        gate: SpeechGate | None = None,
    ) -> None:
        self.measurer = measurer or SegmentMeasurer(models)
        self.recognizer = recognizer or WindowRecognizer(models)
        self.config, self.gate = config or AnalyzerConfig(), gate or SpeechGate()

    def __call__(
        self,
        recording: np.ndarray,
        segments: list[Segment] | None = None,
        gain: float | None = None,
        phonemes: bool = False,
        progress: Progress | None = None,
    ) -> list[SegmentFeatures]:
        """Features of all segments of a recording.

        Args:
            recording: ``[samples]`` at 24 kHz.
            segments: as ``audio.segmentation.segment`` gives them. By default, those of the recording after the gate.
            gain: factor that brings the recording to the level of Kokoro's speech; measured if omitted.
            phonemes: recognise English phonemes too, in windows of several segments. Those of another language fit
                badly, and are ignored later.
            progress: called with the share of the segments that is done.

        Raises:
            NoSpeechError: no segments were given, and nobody speaks in the recording.
        """
        if segments is None:
            gated = self.gate(recording)
            if not gated.has_speech:
                raise NoSpeechError("there is no speech in the recording: give a recording of speech")
            recording, segments = gated.wave, segment(gated.wave)
        gain = gain_of(recording) if gain is None else gain
        features: list[SegmentFeatures] = []
        longest = self.config.window_units if phonemes else 0
        for window in prepared_windows(recording, segments, gain, longest):
            measured = []
            for prepared in window.segments:
                measured.append(self.measurer.measure(prepared))
                if progress is not None:
                    progress((len(features) + len(measured)) / len(segments))
            features += (
                self.recognizer.recognize(window, measured) if phonemes else [item.features for item in measured]
            )
        return features
