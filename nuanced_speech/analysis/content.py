"""Content: the text features that Kokoro's decoder is given for a segment, without its text."""

import logging

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.alignment import MIN_FIT, align_phonemes, decode_phonemes
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.kokoro import spread

# Share of the recognised phonemes' text features, the rest being the regression's (docs/experiments.md).
SHARPNESS = 0.75

log = logging.getLogger(__name__)


class ContentEstimator:
    """Mixes regressed text features with those of recognised phonemes.

    The regression alone is blurred where several sounds are likely, and a blurred vowel loses its voicing. The text
    features of recognised phonemes are sharp, and sometimes wrong.

    Args:
        models: gives Kokoro's text encoder.
        sharpness: share of the recognised phonemes' text features, 0 to 1.
    """

    def __init__(self, models: ModelBank, sharpness: float = SHARPNESS) -> None:
        self.models, self.sharpness = models, sharpness

    def __call__(self, features: SegmentFeatures) -> Tensor:
        """Content ``[1, 512, T]`` of a segment.

        Where its phonemes are unknown, or do not fit, the most probable phoneme of each 25 ms takes their place.
        """
        aligned = self.aligned_phonemes(features) or decode_phonemes(features.log_probabilities)
        recognised = self.of_phonemes(*(torch.from_numpy(x).to(self.models.kokoro.device) for x in aligned))
        return torch.lerp(features.content[None].float(), recognised, self.sharpness)

    def of_phonemes(self, ids: Tensor, durations: Tensor) -> Tensor:
        """Text features ``[1, 512, T]`` of token ids ``[P]`` that last ``durations [P]`` units, ``T`` in all."""
        return spread(self.models.kokoro.encode_content(ids)[None], durations[None])

    def aligned_phonemes(self, features: SegmentFeatures) -> tuple[np.ndarray, np.ndarray] | None:
        """Token ids ``[P]`` and durations ``[P]`` in units of a segment's phonemes; None where they do not fit."""
        if not features.phonemes:
            return None
        try:
            ids = self.models.kokoro.tokens(features.phonemes).cpu().numpy()
            durations, fit = align_phonemes(features.log_probabilities, ids)
        except UserError as error:
            log.debug("the phonemes of a segment do not fit: %s", error)
            return None
        return (ids, durations) if fit >= MIN_FIT else None
