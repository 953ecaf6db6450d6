"""Training losses: spectra at several resolutions, similarity of styles, least-squares adversarial losses.

- Spectra: Yamamoto, Song and Kim, "Parallel WaveGAN" (ICASSP 2020), after Arik et al. (2019).
- Adversarial: Kong, Kim and Bae, "HiFi-GAN" (NeurIPS 2020), after Mao et al., "Least Squares GAN" (2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nuanced_speech.core.constants import TIMBRE_DIM


class StyleLoss(NamedTuple):
    """Scalars of one evaluation: `total` is what to minimise, the others are its unweighted parts, for the log."""

    total: Tensor
    cosine: Tensor
    mse: Tensor

    def figures(self) -> dict[str, float]:
        """The loss and its parts for the log."""
        return {"style": self.total.item(), "style_1_minus_cosine": self.cosine.item(), "style_mse": self.mse.item()}


class StyleSimilarityLoss(nn.Module):
    """Distance of style vectors: ``cosine_weight * (1 - cosine) + mse_weight * MSE``, averaged over the batch.

    Args:
        cosine_weight, mse_weight: of the two parts in the total.
        per_half: take the cosine of timbre (first 128 numbers) and of prosody (the rest) apart and average them, so
            that the half with the larger norm does not decide alone. The MSE is the same either way.
    """

    def __init__(self, cosine_weight: float = 1.0, mse_weight: float = 1.0, per_half: bool = False) -> None:
        super().__init__()
        self.cosine_weight = cosine_weight
        self.mse_weight = mse_weight
        self.per_half = per_half

    def forward(self, prediction: Tensor, target: Tensor) -> StyleLoss:
        """Compare styles `[..., 256]` of the same shape; raises ValueError if the shapes differ."""
        if prediction.shape != target.shape:
            raise ValueError(f"styles of one shape are needed, not {[*prediction.shape]} and {[*target.shape]}")
        parts = [slice(None, TIMBRE_DIM), slice(TIMBRE_DIM, None)] if self.per_half else [slice(None)]
        cosines = [1 - F.cosine_similarity(prediction[..., part], target[..., part], dim=-1).mean() for part in parts]
        cosine = torch.stack(cosines).mean()
        mse = F.mse_loss(prediction, target)
        return StyleLoss(self.cosine_weight * cosine + self.mse_weight * mse, cosine, mse)


def discriminator_loss(real_outputs: Sequence[Tensor], generated_outputs: Sequence[Tensor]) -> Tensor:
    """Least-squares loss of the discriminators, summed over them: real audio should score 1, generated audio 0.

    Each list holds one tensor of scores, of any shape, per (sub-)discriminator. Generate without gradient, or detach
    the generated audio first, so that this loss trains the discriminators only.
    """
    losses = [
        (1 - real).square().mean() + generated.square().mean()
        for real, generated in zip(real_outputs, generated_outputs, strict=True)
    ]
    return torch.stack(losses).sum()


def generator_loss(generated_outputs: Sequence[Tensor]) -> Tensor:
    """Least-squares loss of the generator, summed over discriminators: generated audio should score 1."""
    return torch.stack([(1 - generated).square().mean() for generated in generated_outputs]).sum()


def feature_matching_loss(
    real_features: Sequence[Sequence[Tensor]], generated_features: Sequence[Sequence[Tensor]]
) -> Tensor:
    """L1 distance of the discriminators' inner features, summed over discriminators and their layers.

    `real_features[d][l]` is what layer `l` of discriminator `d` gives for real audio; no gradient flows into it.
    Unweighted: HiFi-GAN multiplies it by 2 (and the mel loss by 45).
    """
    losses = [
        F.l1_loss(generated, real.detach())
        for real_layers, generated_layers in zip(real_features, generated_features, strict=True)
        for real, generated in zip(real_layers, generated_layers, strict=True)
    ]
    return torch.stack(losses).sum()
