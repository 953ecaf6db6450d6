"""HiFi-GAN (Kong, Kim, Bae 2020): a generator of transposed convolutions, and the two discriminators it learns from."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from nuanced_speech.dsp.mel import MEL, MelConfig
from nuanced_speech.train.discriminators import PERIODS, SLOPE, PeriodDiscriminator, layered


@dataclass(frozen=True)
class HiFiGANConfig:
    """Sizes of the generator; the defaults are the paper's V2, the smaller of its two-convolution models.

    ``channels=512`` makes it V1. The product of ``rates`` is the mel's hop length.
    """

    channels: int = 128
    rates: tuple[int, ...] = (8, 8, 2, 2)
    kernels: tuple[int, ...] = (16, 16, 4, 4)
    block_kernels: tuple[int, ...] = (3, 7, 11)
    dilations: tuple[int, ...] = (1, 3, 5)


V1, V2 = HiFiGANConfig(channels=512), HiFiGANConfig()


class ResBlock(nn.Module):
    """Three pairs of convolutions, the first of each pair dilated, each pair around a residual: ``[B, C, T]`` kept."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()

        def conv(dilation: int) -> nn.Module:
            return weight_norm(_small(nn.Conv1d(channels, channels, kernel, 1, dilation * (kernel // 2), dilation)))

        self.convs1 = nn.ModuleList(conv(dilation) for dilation in dilations)
        self.convs2 = nn.ModuleList(conv(1) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        for first, second in zip(self.convs1, self.convs2, strict=True):
            x = x + second(F.leaky_relu(first(F.leaky_relu(x, SLOPE)), SLOPE))
        return x


class HiFiGAN(nn.Module):
    """The generator: mel ``[B, 80, frames]`` to waveform ``[B, frames * hop_length]`` in [-1, 1]."""

    def __init__(self, config: HiFiGANConfig = V2, mel: MelConfig = MEL) -> None:
        super().__init__()
        self.config, self.mel = config, mel
        width = config.channels
        self.conv_pre = weight_norm(nn.Conv1d(mel.n_mels, width, 7, padding=3))
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in zip(config.rates, config.kernels, strict=True):
            up = nn.ConvTranspose1d(width, width // 2, kernel, rate, (kernel - rate) // 2)
            self.ups.append(weight_norm(_small(up)))
            width //= 2
            self.resblocks.extend(ResBlock(width, k, config.dilations) for k in config.block_kernels)
        self.conv_post = weight_norm(_small(nn.Conv1d(width, 1, 7, padding=3)))

    def forward(self, mel: Tensor) -> Tensor:
        x = self.conv_pre(mel)
        several = len(self.config.block_kernels)
        for k, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, SLOPE))
            x = torch.stack([block(x) for block in self.resblocks[k * several : (k + 1) * several]]).mean(0)
        return self.conv_post(F.leaky_relu(x)).tanh()[:, 0]


class ScaleDiscriminator(nn.Module):
    """Grouped convolutions over the waveform: ``wave [B, T]`` to scores, and the features of all its layers."""

    def __init__(self, spectral: bool, width: int = 1024) -> None:
        super().__init__()
        norm = spectral_norm if spectral else weight_norm
        # channels in, channels out, kernel, stride, groups; widths below 1024 shrink all of it
        part = 1024 // width
        layers = [
            (1, 128, 15, 1, 1),
            (128, 128, 41, 2, 4),
            (128, 256, 41, 2, 16),
            (256, 512, 41, 4, 16),
            (512, 1024, 41, 4, 16),
            (1024, 1024, 41, 1, 16),
            (1024, 1024, 5, 1, 1),
        ]
        self.convs = nn.ModuleList(
            norm(nn.Conv1d(max(i // part, 1), o // part, k, s, k // 2, groups=max(g // part, 1)))
            for i, o, k, s, g in layers
        )
        self.post = norm(nn.Conv1d(width, 1, 3, padding=1))

    def forward(self, wave: Tensor) -> tuple[Tensor, list[Tensor]]:
        return layered(self.convs, self.post, wave[:, None])


class Discriminators(nn.Module):
    """Five periods and three scales (the waveform, and averaged over 2 and 4 samples).

    ``wave [B, T]`` to the scores of each and the features of each. ``width`` is 1024 in the paper; less is faster.
    """

    def __init__(self, width: int = 1024, periods: tuple[int, ...] = PERIODS) -> None:
        super().__init__()
        self.periods = nn.ModuleList(PeriodDiscriminator(period, width) for period in periods)
        self.scales = nn.ModuleList(ScaleDiscriminator(k == 0, width) for k in range(3))

    def forward(self, wave: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        scores, features = [], []
        for discriminator in self.periods:
            score, layers = discriminator(wave)
            scores.append(score)
            features.append(layers)
        for discriminator in self.scales:
            score, layers = discriminator(wave)
            scores.append(score)
            features.append(layers)
            wave = F.avg_pool1d(wave[:, None], 4, 2, 2)[:, 0]
        return scores, features


def _small(conv: nn.Module) -> nn.Module:
    nn.init.normal_(conv.weight, 0.0, 0.01)  # type: ignore[arg-type]
    return conv
