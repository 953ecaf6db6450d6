"""Kokoro's networks: their weights under the names of its checkpoints, and the parts that need no mask.

How they are run on batches, with gradients, is in ``kokoro`` and ``kokoro_layers``. Source of the architecture:
StyleTTS 2 (Li et al. 2023) and iSTFTNet (Kaneko et al. 2022). Nothing here has weight norm, which is removed from the
weights when they are converted.
"""

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.models.albert import Albert, bare_embedding
from nuanced_speech.models.kokoro_layers import masked_lstm

NORM_EPS = 1e-5
SLOPE = 0.2
# Channels inside the decoder: of its blocks, and of the content that is passed beside them.
DECODER_DIM, SIDE_DIM = 1024, 64
# The harmonic source: fundamental and overtones, their amplitude, the noise of voiced frames, and the least F0 in Hz.
HARMONICS, SINE_AMPLITUDE, VOICED_NOISE, LEAST_F0 = 9, 0.1, 0.003, 10.0


class KokoroNetworks(nn.Module):
    """All networks, as ``kokoro_config.json`` describes them."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        hidden, style, depth = config["hidden_dim"], config["style_dim"], config["n_layer"]
        albert = {name: value for name, value in config["plbert"].items() if name != "dropout"}
        self.bert = Albert(config["n_token"], **albert)
        self.bert_encoder = nn.Linear(albert["hidden_size"], hidden)
        self.predictor = Predictor(hidden, style, depth, config["max_dur"])
        self.text_encoder = TextEncoder(config["n_token"], hidden, config["text_encoder_kernel_size"], depth)
        self.decoder = DecoderNetwork(hidden, style, config["istftnet"])


class TextEncoder(nn.Module):
    """Phonemes to the decoder's content: convolutions and an LSTM."""

    def __init__(self, symbols: int, width: int, kernel: int, depth: int) -> None:
        super().__init__()
        self.embedding = bare_embedding(symbols, width)
        self.cnn = nn.ModuleList(
            nn.Sequential(nn.Conv1d(width, width, kernel, padding=kernel // 2), ChannelNorm(width), nn.LeakyReLU(SLOPE))
            for _ in range(depth)
        )
        self.lstm = _both_ways(width, width)

    def forward(self, ids: Tensor, lengths: Tensor, padding: Tensor) -> Tensor:
        """Content ``[B, width, P]`` of token ids ``[B, P]``; ``padding [B, P]`` is True beyond each length."""
        outside = padding[:, None]
        x = self.embedding(ids).transpose(1, 2).masked_fill(outside, 0.0)
        for layer in self.cnn:
            x = layer(x).masked_fill(outside, 0.0)
        return masked_lstm(self.lstm, x.transpose(1, 2), lengths).transpose(1, 2).masked_fill(outside, 0.0)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of ``[B, C, T]``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.transpose(1, 2), self.gamma.shape, self.gamma, self.beta, NORM_EPS).transpose(1, 2)


class Predictor(nn.Module):
    """Durations, F0 and energy."""

    def __init__(self, width: int, style: int, depth: int, longest: int) -> None:
        super().__init__()
        self.text_encoder = DurationEncoder(width, style, depth)
        self.lstm = _both_ways(width + style, width)
        self.duration_proj = _Projection(width, longest)
        self.shared = _both_ways(width + style, width)
        self.F0, self.N = (
            nn.ModuleList(
                [
                    ResidualBlock(width, width, style),
                    ResidualBlock(width, width // 2, style, doubles=True),
                    ResidualBlock(width // 2, width // 2, style),
                ]
            )
            for _ in range(2)
        )
        self.F0_proj, self.N_proj = (nn.Conv1d(width // 2, 1, 1) for _ in range(2))


class DurationEncoder(nn.Module):
    """LSTMs and adaptive layer norms by turns; the style is joined to the input of each."""

    def __init__(self, width: int, style: int, depth: int) -> None:
        super().__init__()
        layers = [(_both_ways(width + style, width), AdaptiveLayerNorm(style, width)) for _ in range(depth)]
        self.lstms = nn.ModuleList(layer for pair in layers for layer in pair)

    def forward(self, x: Tensor, style: Tensor, lengths: Tensor, padding: Tensor) -> Tensor:
        """``[B, P, width + style]`` of ``x [B, width, P]`` and styles ``[B, style]``."""
        outside = padding[..., None]
        styles = style[:, None].expand(-1, x.shape[2], -1)
        x = torch.cat([x.transpose(1, 2), styles], -1).masked_fill(outside, 0.0)
        for lstm, norm in zip(self.lstms[::2], self.lstms[1::2], strict=True):
            x = norm(masked_lstm(cast(nn.LSTM, lstm), x, lengths), style)
            x = torch.cat([x, styles], -1).masked_fill(outside, 0.0)
        return x


class AdaptiveLayerNorm(nn.Module):
    """Layer norm of ``[B, P, C]`` whose gains and offsets depend on the style."""

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(style, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        gamma, beta = self.fc(style)[:, None].chunk(2, dim=-1)
        return (1 + gamma) * F.layer_norm(x, x.shape[-1:], eps=NORM_EPS) + beta


class AdaptiveNorm(nn.Module):
    """Gains and offsets of an adaptive instance norm; ``kokoro_layers`` applies it."""

    eps = NORM_EPS

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(style, 2 * channels)


class ResidualBlock(nn.Module):
    """Weights of a residual block with adaptive norms; ``kokoro_layers.residual_block`` runs it."""

    def __init__(self, inputs: int, outputs: int, style: int, doubles: bool = False) -> None:
        super().__init__()
        self.doubles = doubles
        self.conv1, self.conv2 = nn.Conv1d(inputs, outputs, 3, padding=1), nn.Conv1d(outputs, outputs, 3, padding=1)
        self.norm1, self.norm2 = AdaptiveNorm(style, inputs), AdaptiveNorm(style, outputs)
        self.conv1x1 = nn.Conv1d(inputs, outputs, 1, bias=False) if inputs != outputs else nn.Identity()
        self.pool = (
            nn.ConvTranspose1d(inputs, inputs, 3, 2, padding=1, output_padding=1, groups=inputs)
            if doubles
            else nn.Identity()
        )

    def shortcut(self, x: Tensor) -> Tensor:
        """What is added to the block's output."""
        return self.conv1x1(F.interpolate(x, scale_factor=2, mode="nearest") if self.doubles else x)


class SnakeBlock(nn.Module):
    """Weights of the generator's block of three dilated convolutions; ``kokoro_layers`` runs it."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int], style: int) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=(kernel - 1) * d // 2, dilation=d) for d in dilations
        )
        self.convs2 = nn.ModuleList(nn.Conv1d(channels, channels, kernel, padding=kernel // 2) for _ in dilations)
        self.adain1, self.adain2 = (nn.ModuleList(AdaptiveNorm(style, channels) for _ in dilations) for _ in range(2))
        self.alpha1, self.alpha2 = (nn.ParameterList(torch.ones(1, channels, 1) for _ in dilations) for _ in range(2))


class DecoderNetwork(nn.Module):
    """Content, F0, energy and timbre to audio."""

    def __init__(self, content: int, style: int, generator: dict[str, Any]) -> None:
        super().__init__()
        outputs = generator["upsample_initial_channel"]
        self.encode = ResidualBlock(content + 2, DECODER_DIM, style)
        wide = DECODER_DIM + SIDE_DIM + 2
        self.decode = nn.ModuleList(ResidualBlock(wide, DECODER_DIM, style) for _ in range(3))
        self.decode.append(ResidualBlock(wide, outputs, style, doubles=True))
        self.F0_conv, self.N_conv = (nn.Conv1d(1, 1, 3, 2, padding=1) for _ in range(2))
        self.asr_res = nn.Sequential(nn.Conv1d(content, SIDE_DIM, 1))
        self.generator = Generator(style, generator)


class Generator(nn.Module):
    """Weights of the iSTFTNet generator; ``kokoro_layers.generate`` runs it."""

    def __init__(self, style: int, config: dict[str, Any]) -> None:
        super().__init__()
        rates, kernels, first = (
            config[key] for key in ("upsample_rates", "upsample_kernel_sizes", "upsample_initial_channel")
        )
        self.n_fft, self.hop = config["gen_istft_n_fft"], config["gen_istft_hop_size"]
        bands, stages = self.n_fft + 2, len(rates)
        self.num_kernels, self.num_upsamples = len(config["resblock_kernel_sizes"]), stages
        self.source = HarmonicSource(math.prod(rates) * self.hop)
        self.m_source = _Mixture(HARMONICS)
        widths = [first >> stage for stage in range(stages + 1)]
        strides = [math.prod(rates[stage + 1 :]) for stage in range(stages)]
        self.noise_convs = nn.ModuleList(
            nn.Conv1d(bands, width, 2 * s, s, padding=(s + 1) // 2) if s > 1 else nn.Conv1d(bands, width, 1)
            for width, s in zip(widths[1:], strides, strict=True)
        )
        self.noise_res = nn.ModuleList(
            SnakeBlock(width, 7 if s > 1 else 11, (1, 3, 5), style)
            for width, s in zip(widths[1:], strides, strict=True)
        )
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(a, b, kernel, rate, padding=(kernel - rate) // 2)
            for a, b, kernel, rate in zip(widths, widths[1:], kernels, rates, strict=False)
        )
        self.resblocks = nn.ModuleList(
            SnakeBlock(width, kernel, dilations, style)
            for width in widths[1:]
            for kernel, dilations in zip(
                config["resblock_kernel_sizes"], config["resblock_dilation_sizes"], strict=True
            )
        )
        self.conv_post = nn.Conv1d(widths[-1], bands, 7, padding=3)

    def excitation(self, f0: Tensor) -> Tensor:
        """Magnitude and phase ``[B, n_fft + 2, frames]`` of the harmonic source for an F0 ``[B, T]`` in Hz."""
        sines = self.source(f0)
        wave = self.m_source(sines)[..., 0]
        spectrum = torch.stft(wave, self.n_fft, self.hop, self.n_fft, self._window(wave), return_complex=True)
        return torch.cat([torch.abs(spectrum), torch.angle(spectrum)], 1)

    def wave(self, magnitude: Tensor, phase: Tensor) -> Tensor:
        """Audio ``[B, T]`` by the inverse Fourier transform."""
        spectrum = magnitude * torch.exp(phase * 1j)
        return torch.istft(spectrum, self.n_fft, self.hop, self.n_fft, self._window(magnitude))

    def _window(self, x: Tensor) -> Tensor:
        # computed on the CPU, so that it is the same on every device
        return torch.hann_window(self.n_fft).to(x.device)


class HarmonicSource(nn.Module):
    """Sines at the multiples of F0, with noise (Wang et al. 2019). It draws from torch's random generator.

    Args:
        factor: samples per frame of F0.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, f0: Tensor) -> Tensor:
        """Sines ``[B, T * factor, harmonics]`` for an F0 ``[B, T]`` in Hz, 0 where unvoiced."""
        fine = F.interpolate(f0[:, None], scale_factor=float(self.factor), mode="nearest").transpose(1, 2)
        multiples = torch.arange(1, HARMONICS + 1, dtype=torch.float32, device=f0.device)
        turns = (fine * multiples / SAMPLE_RATE) % 1
        start = torch.rand(len(f0), HARMONICS, device=f0.device)
        start[:, 0] = 0
        turns[:, 0] = turns[:, 0] + start
        # phases are summed at the rate of F0, which keeps the rounding errors of a long sum small
        coarse = F.interpolate(turns.transpose(1, 2), scale_factor=1 / self.factor, mode="linear").transpose(1, 2)
        phase = torch.cumsum(coarse, dim=1) * 2 * torch.pi
        phase = F.interpolate(phase.transpose(1, 2) * self.factor, scale_factor=float(self.factor), mode="linear")
        sines = torch.sin(phase.transpose(1, 2)) * SINE_AMPLITUDE
        voiced = (fine > LEAST_F0).float()
        noise = voiced * VOICED_NOISE + (1 - voiced) * SINE_AMPLITUDE / 3
        return sines * voiced + noise * torch.randn_like(sines)


class _Projection(nn.Module):
    """A linear layer under the names of the checkpoint."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear_layer = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_layer(x)


class _Mixture(nn.Module):
    """The sum of the harmonics, limited, under the names of the checkpoint."""

    def __init__(self, harmonics: int) -> None:
        super().__init__()
        self.l_linear = nn.Linear(harmonics, 1)

    def forward(self, sines: Tensor) -> Tensor:
        return torch.tanh(self.l_linear(sines))


def _both_ways(inputs: int, outputs: int) -> nn.LSTM:
    return nn.LSTM(inputs, outputs // 2, batch_first=True, bidirectional=True)
