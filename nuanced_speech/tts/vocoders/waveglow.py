"""WaveGlow (Prenger, Valle, Catanzaro 2018): an invertible network between waveforms and noise, so that the
likelihood of a recording is known exactly and speaking is drawing noise and going backwards."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from nuanced_speech.dsp.mel import MEL, MelConfig


@dataclass(frozen=True)
class WaveGlowConfig:
    """Sizes; the paper has 12 flows with 8 layers of 256 channels (its text says 512), which is for a GPU.

    Attributes:
        flows: steps, each a 1×1 convolution and an affine coupling.
        group: samples taken together as channels.
        early_every, early_size: after so many flows so many channels leave for the output.
        layers, channels: of the network in each coupling.
        sigma: spread of the noise that is drawn for speaking; 1 is what the likelihood assumes.
    """

    flows: int = 6
    group: int = 8
    early_every: int = 2
    early_size: int = 2
    layers: int = 5
    channels: int = 64
    sigma: float = 0.8


PAPER = WaveGlowConfig(flows=12, early_every=4, layers=8, channels=256, sigma=0.6)


class InvertibleConv(nn.Module):
    """A 1×1 convolution over the channels ``[B, C, T]``, a rotation to begin with (Kingma and Dhariwal 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        rotation, _ = torch.linalg.qr(torch.randn(channels, channels))
        if torch.det(rotation) < 0:
            rotation[:, 0] = -rotation[:, 0]
        self.weight = nn.Parameter(rotation)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``W x``, and ``log |det W|`` a column."""
        return self.weight @ x, torch.slogdet(self.weight).logabsdet

    def inverse(self, x: Tensor) -> Tensor:
        return torch.linalg.solve(self.weight, x)


class CouplingNet(nn.Module):
    """Dilated gated convolutions, as WaveNet's but looking both ways: half the channels ``[B, C, T]`` and the mel
    ``[B, M, T]`` to log scale and shift of the other half, each ``[B, C, T]``. Zero to begin with."""

    def __init__(self, channels: int, mel_channels: int, config: WaveGlowConfig) -> None:
        super().__init__()
        width = config.channels
        self.start = weight_norm(nn.Conv1d(channels, width, 1))
        self.mel = weight_norm(nn.Conv1d(mel_channels, 2 * width * config.layers, 1))
        self.inner = nn.ModuleList(
            weight_norm(nn.Conv1d(width, 2 * width, 3, dilation=2**k, padding=2**k)) for k in range(config.layers)
        )
        self.outer = nn.ModuleList(weight_norm(nn.Conv1d(width, 2 * width, 1)) for _ in range(config.layers))
        self.end = nn.Conv1d(width, 2 * channels, 1)
        nn.init.zeros_(self.end.weight)
        nn.init.zeros_(self.end.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        x = self.start(x)
        total = torch.zeros_like(x)
        conditions = self.mel(mel).chunk(len(self.inner), 1)
        for inner, outer, condition in zip(self.inner, self.outer, conditions, strict=True):
            gate, value = (inner(x) + condition).chunk(2, 1)
            residual, skip = outer(gate.sigmoid() * value.tanh()).chunk(2, 1)
            x, total = x + residual, total + skip
        log_scale, shift = self.end(total).chunk(2, 1)
        return log_scale, shift


class WaveGlow(nn.Module):
    """Mel ``[B, 80, frames]`` to waveform ``[B, frames * hop_length]``, and back to the noise it came from."""

    def __init__(self, config: WaveGlowConfig | None = None, mel: MelConfig = MEL) -> None:
        super().__init__()
        self.config = config = config or WaveGlowConfig()
        self.mel = mel
        if mel.hop_length % config.group:
            raise ValueError(f"hop_length {mel.hop_length} is not a multiple of the group of {config.group} samples")
        self.upsample = nn.ConvTranspose1d(mel.n_mels, mel.n_mels, mel.n_fft, mel.hop_length)
        self.convs, self.nets = nn.ModuleList(), nn.ModuleList()
        remaining = config.group
        for k in range(config.flows):
            if self._leaves_early(k):
                remaining -= config.early_size
            self.convs.append(InvertibleConv(remaining))
            self.nets.append(CouplingNet(remaining // 2, mel.n_mels * config.group, config))
        self.remaining = remaining

    def encode(self, wave: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Noise ``[B, group, T / group]`` of ``wave [B, T]``, and the log determinant of the way there ``[B]``."""
        x = wave.unfold(1, self.config.group, self.config.group).transpose(1, 2)
        condition = self._condition(mel)
        out, log_det = [], x.new_zeros(len(x))
        for k, (conv, net) in enumerate(zip(self.convs, self.nets, strict=True)):
            if self._leaves_early(k):
                out.append(x[:, : self.config.early_size])
                x = x[:, self.config.early_size :]
            x, log_det_conv = conv(x)
            half = x.shape[1] // 2
            log_scale, shift = net(x[:, :half], condition)
            x = torch.cat([x[:, :half], x[:, half:] * log_scale.exp() + shift], 1)
            log_det = log_det + log_scale.sum((1, 2)) + log_det_conv * x.shape[2]
        return torch.cat([*out, x], 1), log_det

    def decode(self, noise: Tensor, mel: Tensor) -> Tensor:
        """The waveform ``[B, T]`` of noise ``[B, group, T / group]``: the inverse of ``encode``."""
        condition = self._condition(mel)
        early = noise.shape[1] - self.remaining
        x, rest = noise[:, early:], noise[:, :early]
        for k in range(self.config.flows - 1, -1, -1):
            half = x.shape[1] // 2
            log_scale, shift = self.nets[k](x[:, :half], condition)
            x = torch.cat([x[:, :half], (x[:, half:] - shift) * (-log_scale).exp()], 1)
            x = self.convs[k].inverse(x)  # type: ignore[operator]
            if self._leaves_early(k):
                x = torch.cat([rest[:, -self.config.early_size :], x], 1)
                rest = rest[:, : -self.config.early_size]
        return x.transpose(1, 2).flatten(1)

    def negative_log_likelihood(self, wave: Tensor, mel: Tensor) -> Tensor:
        """In nats a sample, the mean over the batch, exact: that of the noise under a normal distribution, less the
        log determinant."""
        noise, log_det = self.encode(wave, mel)
        normal = 0.5 * noise.square().sum((1, 2)) + 0.5 * math.log(2 * math.pi) * noise[0].numel()
        return ((normal - log_det) / wave.shape[1]).mean()

    @torch.no_grad()
    def forward(self, mel: Tensor, seed: int = 0) -> Tensor:
        """Speak from noise with the configured ``sigma``."""
        shape = (len(mel), self.config.group, mel.shape[2] * self.mel.hop_length // self.config.group)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(mel.device)
        return self.decode(noise * self.config.sigma, mel)

    def _condition(self, mel: Tensor) -> Tensor:
        """The mel at the rate of the groups ``[B, 80 * group, T / group]``."""
        edge = (self.mel.n_fft - self.mel.hop_length) // 2
        fine = self.upsample(mel)[..., edge : edge + mel.shape[2] * self.mel.hop_length]
        return fine.unfold(2, self.config.group, self.config.group).permute(0, 1, 3, 2).flatten(1, 2)

    def _leaves_early(self, k: int) -> bool:
        return k > 0 and k % self.config.early_every == 0
