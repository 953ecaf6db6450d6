"""Entry point of the training recipe; the code is in `nuanced_speech.losses`."""

from nuanced_speech.losses import (
    MultiResolutionSTFTLoss,
    SpectralLoss,
    STFTLoss,
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
