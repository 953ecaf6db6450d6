"""Entry point of the training recipe; the code is in `nuanced_speech.train.losses`."""

from nuanced_speech.dsp.stft_loss import MultiResolutionSTFTLoss, SpectralLoss, STFTLoss
from nuanced_speech.train.losses import (
    StyleLoss,
    StyleSimilarityLoss,
    discriminator_loss,
    feature_matching_loss,
    generator_loss,
)

__all__ = [
    "MultiResolutionSTFTLoss",
    "STFTLoss",
    "SpectralLoss",
    "StyleLoss",
    "StyleSimilarityLoss",
    "discriminator_loss",
    "feature_matching_loss",
    "generator_loss",
]
