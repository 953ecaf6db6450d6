"""A prepared segment to its features: each measurement is taken here, once."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.analysis.features import SegmentFeatures, SegmentFrames
from nuanced_speech.analysis.prepared_segment import PreparedSegment
from nuanced_speech.core.constants import FEATURE_FRAMES_PER_UNIT, SPEAKER_DIM, WHISPER_SAMPLE_RATE
from nuanced_speech.core.timing import stage
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.f0 import f0 as track_f0
from nuanced_speech.dsp.spectral_balance import measure_balance
from nuanced_speech.models.attentive_style_encoder import pair_means
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.phoneme_recognizer import with_silence
from nuanced_speech.voice.style import Style


@dataclass(frozen=True)
class Measurement:
    """A measured segment.

    Attributes:
        features: all features but the phonemes.
        encoded: output of Whisper's encoder ``[F, D]``, with that of the silence that follows the segment.
    """

    features: SegmentFeatures
    encoded: Tensor


class SegmentMeasurer:
    """Measures prepared segments. Threads may share it.

    Args:
        models: Whisper, content adapter, style encoders, speaker encoder.
    """

    def __init__(self, models: ModelBank) -> None:
        self.models = models

    @torch.no_grad()
    def measure(self, prepared: PreparedSegment) -> Measurement:
        """Features of one segment."""
        models, units = self.models, prepared.segment.units
        wave, wave_16k = prepared.wave, prepared.wave_16k
        with stage("features"):
            extractor = models.feature_extractor
            layers = extractor.features(with_silence(wave_16k), range(1, extractor.depth + 1))
            layers = layers.unflatten(-1, (extractor.depth, -1))
            encoded = extractor.output_norm(layers[:, -1])
            layers = layers[: math.ceil(units * FEATURE_FRAMES_PER_UNIT)]
            # the mean of two encoders, whose errors differ
            style = models.style_encoder(encoded[None, : len(layers)])[0]
            if (attentive := models.attentive_style_encoder) is not None:
                style = (style + attentive(pair_means(layers)[None])[0]) / 2
        with stage("content"):
            adapter_input = layers[None, :, models.content_adapter.config.layer - 1]
            regressed = models.content_adapter(adapter_input, torch.tensor([units], device=models.device))
            log_probabilities = regressed.logits[0].T.log_softmax(-1).cpu().numpy()
        with stage("style"):
            speaker = models.speaker_encoder.embed(wave_16k, WHISPER_SAMPLE_RATE)
        with stage("f0"):
            melody = track_f0(wave_16k, WHISPER_SAMPLE_RATE)
        with stage("energy"):
            contour, balance = energy(wave), measure_balance(wave)
        features = SegmentFeatures(
            segment=prepared.segment,
            frames=SegmentFrames(wave, regressed.content[0].half(), log_probabilities, balance),
            f0=melody,
            energy=contour,
            style=Style.from_vector(style),
            speaker=np.full(SPEAKER_DIM, np.nan, np.float32) if speaker is None else speaker,
        )
        return Measurement(features, encoded)
