"""Content: the text features that Kokoro's decoder is given for a segment, without its text."""

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.core.constants import SHARPNESS
from nuanced_speech.dsp.alignment import decode_phonemes, fitting_alignment
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.kokoro import spread


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
        """Content ``[1, 512, T]`` of a segment; ``mixed`` says how."""
        return self.mixed(features.content[None].float(), features.log_probabilities, features.phonemes)

    def mixed(self, regressed: Tensor, log_probabilities: np.ndarray, phonemes: str = "") -> Tensor:
        """Content ``[1, 512, T]`` of regressed text features ``[1, 512, T]``, probabilities of the phoneme symbols
        ``[T, 178]``, and phonemes where they are known.

        Where they are unknown, or do not fit, the most probable phoneme of each 25 ms takes their place.
        """
        if not self.sharpness:
            return regressed
        aligned = fitting_alignment(log_probabilities, phonemes) or decode_phonemes(log_probabilities)
        recognised = self.of_phonemes(*(torch.from_numpy(x).to(self.models.kokoro.device) for x in aligned))
        return torch.lerp(regressed, recognised, self.sharpness)

    def of_phonemes(self, ids: Tensor, durations: Tensor) -> Tensor:
        """Text features ``[1, 512, T]`` of token ids ``[P]`` that last ``durations [P]`` units, ``T`` in all."""
        return spread(self.models.kokoro.encode_content(ids)[None], durations[None])
