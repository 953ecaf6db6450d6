"""English phonemes of measured segments, recognised in windows of several segments."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch

from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.analysis.measurement import Measurement
from nuanced_speech.analysis.prepared_segment import PreparedWindow
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.timing import stage
from nuanced_speech.dsp.alignment import fitting_alignment, word_centres
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.phoneme_recognizer import with_silence

log = logging.getLogger(__name__)


class WindowRecognizer:
    """Recognises the phonemes of a window of segments. Threads may share it.

    Args:
        models: Whisper and the phoneme recognizer.
    """

    def __init__(self, models: ModelBank) -> None:
        self.models = models

    @torch.no_grad()
    def recognize(self, window: PreparedWindow, measured: Sequence[Measurement]) -> list[SegmentFeatures]:
        """The features of the segments of a window, with their phonemes.

        The window is recognised as one stretch, since context tells words apart. A segment has the words whose middle
        it holds, margins included. Where these do not fit, its phonemes are recognised by itself.
        """
        recognizer, extractor = self.models.phoneme_recognizer, self.models.feature_extractor
        features = [item.features for item in measured]
        phonemes = [""] * len(features)
        with stage("phonemes"):
            if len(features) > 1:
                encoded = extractor.features(with_silence(window.whole.wave_16k))
                phonemes = shared_words(features, recognizer.transcribe(encoded, window.whole.segment.units))
            return [
                replace(item, phonemes=recognised)
                if fitting_alignment(item.log_probabilities, recognised)
                else replace(item, phonemes=recognizer.transcribe(of_item.encoded, item.units))
                for item, of_item, recognised in zip(features, measured, phonemes, strict=True)
            ]


def shared_words(features: Sequence[SegmentFeatures], phonemes: str) -> list[str]:
    """The words of a phoneme string whose middle each segment holds; none where the string does not fit the window."""
    segments = [item.segment for item in features]
    # where each segment takes over from the one before it
    bounds = pairwise([segments[0].first, *(segment.start for segment in segments[1:]), segments[-1].last])
    rows = [
        item.log_probabilities[start - item.segment.first : end - item.segment.first]
        for item, (start, end) in zip(features, bounds, strict=True)
    ]
    try:
        words, middles = word_centres(np.concatenate(rows), phonemes)
    except UserError as error:
        log.debug("%d segments cannot be recognised as one: %s", len(features), error)
        words, middles = [], np.zeros(0)
    centres = middles + segments[0].first
    return [
        " ".join(word for word, centre in zip(words, centres, strict=True) if s.first <= int(centre) < s.last)
        for s in segments
    ]
