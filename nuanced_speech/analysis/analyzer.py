"""A recording to the features of its segments.

recording → segments → Whisper features → content, phoneme probabilities, style
                     → windows of segments → phonemes
                     → F0, energy, spectral balance, speaker embedding
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.analysis.features import SegmentFeatures, gain_of, levelled
from nuanced_speech.audio import segmentation
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.core.constants import FEATURE_FRAMES_PER_UNIT, SAMPLE_RATE, UNITS_PER_SECOND, WHISPER_SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import Progress
from nuanced_speech.core.timing import stage
from nuanced_speech.dsp.alignment import word_centres
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.f0 import f0 as track_f0
from nuanced_speech.dsp.spectral_balance import measure_balance
from nuanced_speech.models.attentive_style_encoder import together
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.phoneme_recognizer import SILENCE_SECONDS, with_silence
from nuanced_speech.models.speaker_encoder import EMBEDDING_DIM
from nuanced_speech.models.whisper import WINDOW_SECONDS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnalyzerConfig:
    """Settings of the analysis.

    Attributes:
        window_units: longest stretch whose phonemes are recognised at once, in 25 ms units: what Whisper takes in one
            window, less the silence that follows.
    """

    window_units: int = int((WINDOW_SECONDS - SILENCE_SECONDS) * UNITS_PER_SECOND)


class Analyzer:
    """Measures recordings. Threads may share it.

    Args:
        models: Whisper, content adapter, phoneme recognizer, style encoders, speaker encoder.
        content: aligns recognised phonemes.
    """

    def __init__(
        self, models: ModelBank, content: ContentEstimator | None = None, config: AnalyzerConfig | None = None
    ) -> None:
        self.models = models
        self.content = content or ContentEstimator(models)
        self.config = config or AnalyzerConfig()

    @torch.no_grad()
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
            segments: as ``audio.segmentation.segment`` gives them, which is also the default.
            gain: factor that brings the recording to the level of Kokoro's speech; measured if omitted.
            phonemes: recognise English phonemes too, in windows of several segments. Those of another language fit
                badly, and are ignored later.
            progress: called with the share of the segments that is done.
        """
        segments = segmentation.segment(recording) if segments is None else segments
        gain = gain_of(recording) if gain is None else gain
        features: list[SegmentFeatures] = []
        for window in windows(segments, self.config.window_units):
            alone = len(window) == 1
            for segment in window:
                features.append(self.segment(recording, gain, segment, phonemes and alone))
                if progress is not None:
                    progress(len(features) / len(segments))
            if phonemes and not alone:
                with stage("phonemes"):
                    features[-len(window) :] = self._with_phonemes(features[-len(window) :])
        return features

    @torch.no_grad()
    def segment(self, recording: np.ndarray, gain: float, segment: Segment, phonemes: bool = False) -> SegmentFeatures:
        """Features of one segment; with ``phonemes`` also its English phonemes, recognised by themselves."""
        models, units = self.models, segment.units
        wave = levelled(recording, gain, segment)
        wave_16k = to_whisper(wave)
        with stage("features"):
            listener = models.feature_extractor
            layers = listener.features(with_silence(wave_16k), range(1, listener.depth + 1))
            layers = layers.unflatten(-1, (listener.depth, -1))
            last = listener.output_norm(layers[:, -1])
            frames = math.ceil(units * FEATURE_FRAMES_PER_UNIT)
            style = self._style(last[:frames], layers[:frames])
        with stage("content"):
            middle = layers[None, :frames, models.content_adapter.config.layer - 1]
            regressed = models.content_adapter(middle, torch.tensor([units], device=models.device))
            log_probabilities = regressed.logits[0].T.log_softmax(-1).cpu().numpy()
        recognised = ""
        if phonemes:
            with stage("phonemes"):
                recognised = models.phoneme_recognizer.write(last, units)
        with stage("style"):
            speaker = models.speaker_encoder.embed(wave_16k, WHISPER_SAMPLE_RATE)
        with stage("f0"):
            curve = track_f0(wave_16k, WHISPER_SAMPLE_RATE)
        with stage("energy"):
            contour, bands = energy(wave), measure_balance(wave)
        silent = np.full(EMBEDDING_DIM, np.nan, np.float32)
        return SegmentFeatures(
            segment=segment,
            recording=recording,
            gain=gain,
            content=regressed.content[0].half(),
            log_probabilities=log_probabilities,
            f0=curve,
            energy=contour,
            balance=bands,
            style=style,
            speaker=silent if speaker is None else speaker,
            phonemes=recognised,
        )

    def _style(self, last: Tensor, layers: Tensor) -> Tensor:
        """Style ``[256]`` from Whisper's output ``[F, D]`` and its layers ``[F, L, D]``: the mean of two encoders."""
        style = self.models.style_encoder(last[None])[0]
        attentive = self.models.attentive_style_encoder
        return style if attentive is None else (style + attentive(together(layers)[None])[0]) / 2

    def _with_phonemes(self, features: list[SegmentFeatures]) -> list[SegmentFeatures]:
        """Segments that follow each other, with phonemes recognised as one stretch: words are understood by context.

        A segment has the words whose middle it holds, margins included. Where these do not fit, its phonemes are
        recognised by itself.
        """
        recording, gain = features[0].recording, features[0].gain
        segments = [f.segment for f in features]
        whole = Segment(segments[0].start, segments[-1].end, segments[0].first, segments[-1].last)
        bounds = pairwise([whole.first, *(segment.start for segment in segments[1:]), whole.last])
        rows = [
            f.log_probabilities[start - f.segment.first : end - f.segment.first]
            for f, (start, end) in zip(features, bounds, strict=True)
        ]
        try:
            words, middles = word_centres(np.concatenate(rows), self._recognise(recording, gain, whole))
        except UserError as error:
            log.debug("%d segments cannot be recognised together: %s", len(features), error)
            words, middles = [], np.zeros(0)
        recognised = []
        for item in features:
            inside = range(item.segment.first - whole.first, item.segment.last - whole.first)
            phonemes = " ".join(w for w, at in zip(words, middles, strict=True) if int(at) in inside)
            item = replace(item, phonemes=phonemes)
            if self.content.aligned_phonemes(item) is None:
                item = replace(item, phonemes=self._recognise(recording, gain, item.segment))
            recognised.append(item)
        return recognised

    def _recognise(self, recording: np.ndarray, gain: float, segment: Segment) -> str:
        """English phonemes of a segment, recognised by itself."""
        features = self.models.feature_extractor.features(with_silence(to_whisper(levelled(recording, gain, segment))))
        return self.models.phoneme_recognizer.write(features, segment.units)


def windows(segments: list[Segment], longest: int) -> Iterator[list[Segment]]:
    """The segments in order, in groups that span at most ``longest`` units; at least one segment in each."""
    group = segments[:1]
    for segment in segments[1:]:
        if segment.last - group[0].first > longest:
            yield group
            group = []
        group.append(segment)
    yield group


def to_whisper(wave: np.ndarray) -> np.ndarray:
    """A waveform ``[T]`` at 24 kHz at Whisper's 16 kHz."""
    return audio.resample(wave, SAMPLE_RATE, WHISPER_SAMPLE_RATE)
