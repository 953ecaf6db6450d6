"""Discriminators of complex spectrograms at several resolutions (Défossez et al. 2022), small ones."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class STFTDiscriminator(nn.Module):
    """Scores of one resolution, and the inner features that the generator should match."""

    window: Tensor

    def __init__(self, n_fft: int, channels: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(layer)
            for layer in (
                nn.Conv2d(2, channels, (5, 5), (4, 2), (2, 2)),
                nn.Conv2d(channels, 2 * channels, (5, 3), (4, 1), (2, 1)),
                nn.Conv2d(2 * channels, 2 * channels, (5, 3), (4, 2), (2, 1)),
            )
        )
        self.score = nn.utils.parametrizations.weight_norm(nn.Conv2d(2 * channels, 1, 3, padding=1))
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, wave: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores of ``wave [B, T]`` and a list of features."""
        stft = torch.stft(wave, self.n_fft, self.n_fft // 4, window=self.window, return_complex=True)
        # a compressed scale, on which quiet overtones are seen too
        x = torch.view_as_real(stft).permute(0, 3, 1, 2)
        x = x / (x.square().sum(1, keepdim=True) + 1e-4).sqrt().sqrt()
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.score(x), features


class Discriminators(nn.Module):
    """One discriminator a resolution."""

    def __init__(self, sizes: Sequence[int] = (256, 512, 1024), channels: int = 16) -> None:
        super().__init__()
        self.each = nn.ModuleList(STFTDiscriminator(size, channels) for size in sizes)

    def forward(self, wave: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Scores and features of ``wave [B, T]``, a list item a discriminator."""
        scores, features = zip(*(discriminator(wave) for discriminator in self.each), strict=True)
        return list(scores), list(features)
