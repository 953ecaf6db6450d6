"""Discriminators: of complex spectrograms at several resolutions (Défossez et al. 2022), small ones, and of waveforms
at several periods (Kong, Kim and Bae, HiFi-GAN, 2020)."""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

SLOPE = 0.1
"""Of the leaky ReLUs of HiFi-GAN."""
PERIODS = (2, 3, 5, 7, 11)


class STFTDiscriminator(nn.Module):
    """Scores of one resolution, and the inner features that the generator should match."""

    window: Tensor

    def __init__(self, n_fft: int, channels: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.layers = nn.ModuleList(
            weight_norm(layer)
            for layer in (
                nn.Conv2d(2, channels, (5, 5), (4, 2), (2, 2)),
                nn.Conv2d(channels, 2 * channels, (5, 3), (4, 1), (2, 1)),
                nn.Conv2d(2 * channels, 2 * channels, (5, 3), (4, 2), (2, 1)),
            )
        )
        self.score = weight_norm(nn.Conv2d(2 * channels, 1, 3, padding=1))
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
        return judged(self.each, wave)


class PeriodDiscriminator(nn.Module):
    """Sees every ``period``-th sample side by side: ``wave [B, T]`` to scores, and the features of all its layers."""

    def __init__(self, period: int, width: int = 1024) -> None:
        super().__init__()
        self.period = period
        widths = [1, width // 32, width // 8, width // 2, width, width]
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(widths[k], widths[k + 1], (5, 1), (3 if k < 4 else 1, 1), (2, 0))) for k in range(5)
        )
        self.post = weight_norm(nn.Conv2d(width, 1, (3, 1), padding=(1, 0)))

    def forward(self, wave: Tensor) -> tuple[Tensor, list[Tensor]]:
        short = -wave.shape[1] % self.period
        x = F.pad(wave, (0, short), "reflect") if short else wave
        x = x.view(len(x), 1, -1, self.period)
        return layered(self.convs, self.post, x)


class PeriodsAndResolutions(nn.Module):
    """Discriminators of both kinds, one a period and one a resolution.

    Args:
        width: channels of the period discriminators; 1024 in the paper.
        periods: samples that are seen side by side.
    """

    def __init__(self, width: int = 64, periods: Sequence[int] = PERIODS) -> None:
        super().__init__()
        self.periods = nn.ModuleList(PeriodDiscriminator(period, width) for period in periods)
        self.resolutions = Discriminators()

    def forward(self, wave: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Scores and features of ``wave [B, T]``, a list item a discriminator."""
        return judged([*self.resolutions.each, *self.periods], wave)


def layered(convs: Iterable[nn.Module], post: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Scores by a chain of convolutions (Kong et al. 2020), and the features of all its layers."""
    features = []
    for conv in convs:
        x = F.leaky_relu(conv(x), SLOPE)
        features.append(x)
    x = post(x)
    return x.flatten(1), [*features, x]


def judged(discriminators: Iterable[nn.Module], wave: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
    """Scores and features of ``wave [B, T]`` by each discriminator."""
    scores, features = zip(*(discriminator(wave) for discriminator in discriminators), strict=True)
    return list(scores), list(features)
