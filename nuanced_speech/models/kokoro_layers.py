"""Layers of Kokoro on batches of items of different lengths: ``kokoro_networks``' modules, with masks.

Statistics, recurrences and random draws of an item are the same in a batch as alone.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nuanced_speech.core.constants import FRAMES_PER_UNIT, TIMBRE_DIM


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """``[B, size]``, True before each item's length."""
    return torch.arange(size, device=lengths.device)[None] < lengths[:, None]


_DRAWING = threading.Lock()


@dataclass(frozen=True)
class Condition:
    """What adaptive norms depend on: half a style ``[B, 128]``, or an extended timbre ``[B, 128 + K]`` with columns
    ``[outputs, K]`` for each norm."""

    style: Tensor
    columns: Mapping[Any, Tensor] = field(default_factory=dict)

    def gains(self, layer: Any) -> Tensor:
        """Gains and offsets of a norm, ``[B, outputs]``."""
        gains = layer.fc(self.style[:, :TIMBRE_DIM])
        if self.style.shape[1] > TIMBRE_DIM:
            gains = gains + F.linear(self.style[:, TIMBRE_DIM:], self.columns[layer])
        return gains


def mask_or_none(lengths: Tensor, size: int) -> Tensor | None:
    """Mask ``[B, size]``, or None where no item needs one (the quick path)."""
    return None if bool((lengths == size).all()) else length_mask(lengths, size)


def masked(x: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return x
    return x * (mask[:, None] if x.ndim == 3 else mask)


def masked_lstm(lstm: nn.LSTM, x: Tensor, lengths: Tensor) -> Tensor:
    """An LSTM over ``[B, T, C]`` that neither starts nor ends in an item's padding."""
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
    out, _ = nn.utils.rnn.pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=x.shape[1])
    return out


def _adain(layer: Any, x: Tensor, s: Condition, mask: Tensor | None) -> Tensor:
    """Adaptive instance norm, each item's statistics taken over its own length; zero beyond."""
    gamma, beta = s.gains(layer)[..., None].chunk(2, dim=1)
    count = x.shape[-1] if mask is None else mask.sum(-1)[:, None, None]
    # two plain passes over memory: var_mean and batch_norm take three to thirty times as long on a CPU
    centred = masked(x - masked(x, mask).sum(-1, keepdim=True) / count, mask)
    variance = torch.linalg.vector_norm(centred, dim=-1, keepdim=True).square() / count
    scale = (1 + gamma) * torch.rsqrt(variance + layer.eps)
    return masked(torch.addcmul(beta, centred, scale), mask)


def residual_block(block: Any, x: Tensor, s: Condition, mask: Tensor | None) -> Tensor:
    """A ``ResidualBlock``; where it doubles, the output runs at twice the rate."""
    y = F.leaky_relu(_adain(block.norm1, x, s, mask), 0.2)
    y = block.pool(y)
    if block.doubles and mask is not None:
        mask = mask.repeat_interleave(2, dim=-1)
    y = block.conv1(masked(y, mask))
    y = F.leaky_relu(_adain(block.norm2, y, s, mask), 0.2)
    y = block.conv2(y)
    return masked((y + block.shortcut(x)) * 0.5**0.5, mask)


def predict_curve(blocks: Any, projection: Any, x: Tensor, s: Condition, mask: Tensor | None) -> Tensor:
    """One of the predictor's two curves: ``[B, 512, T]`` at 40 Hz to ``[B, 2T]``."""
    for block in blocks:
        x = residual_block(block, x, s, mask)
        if block.doubles and mask is not None:
            mask = mask.repeat_interleave(2, dim=-1)
    return masked(projection(x)[:, 0], mask)


def _snake(x: Tensor, alpha: Tensor) -> Tensor:
    """Snake activation (Ziyin et al. 2020): ``x + sin(alpha x)^2 / alpha``."""
    return torch.addcdiv(x, torch.sin(alpha * x).square(), alpha)


def _snake_block(block: Any, x: Tensor, s: Condition, mask: Tensor | None) -> Tensor:
    """A ``SnakeBlock``: three dilated convolutions with adaptive norm and Snake."""
    for k in range(len(block.convs1)):
        y = _snake(_adain(block.adain1[k], x, s, mask), block.alpha1[k])
        y = block.convs1[k](y)
        y = _snake(_adain(block.adain2[k], y, s, mask), block.alpha2[k])
        x = x + block.convs2[k](y)
    return x


def _harmonic_source(generator: Any, f0: Tensor, units: Tensor, seed: int) -> Tensor:
    """Magnitude and phase of the sine source ``[B, 22, 120 * T + 1]``, item by item: each draws as it would alone."""
    items = []
    devices = [f0.device] if f0.device.type == "cuda" else []
    # the source draws from the one generator of the process: one thread at a time
    with _DRAWING, torch.no_grad(), torch.random.fork_rng(devices):
        for curve, length in zip(f0.detach(), units.tolist(), strict=True):
            torch.manual_seed(seed)
            items.append(generator.excitation(curve[None, : length * FRAMES_PER_UNIT])[0].T)
    return nn.utils.rnn.pad_sequence(items, batch_first=True).transpose(1, 2)


def generate(generator: Any, x: Tensor, s: Condition, f0: Tensor, units: Tensor, seed: int) -> Tensor:
    """iSTFTNet generator: ``x [B, 512, 2T]`` to audio ``[B, 600 * T]``."""
    source = _harmonic_source(generator, f0, units, seed)
    per_unit, kernels = FRAMES_PER_UNIT, generator.num_kernels
    for stage, up in enumerate(generator.ups):
        last = stage == generator.num_upsamples - 1
        x = up(F.leaky_relu(x, 0.1))
        if last:
            x = F.pad(x, (1, 0), mode="reflect")
        per_unit *= up.stride[0]
        mask = mask_or_none(units * per_unit + int(last), x.shape[-1])
        excitation = _snake_block(generator.noise_res[stage], generator.noise_convs[stage](source), s, mask)
        x = x + excitation
        blocks = generator.resblocks[stage * kernels : (stage + 1) * kernels]
        x = masked(torch.stack([_snake_block(b, x, s, mask) for b in blocks]).sum(0) / kernels, mask)
    x = generator.conv_post(F.leaky_relu(x))
    bins = generator.n_fft // 2 + 1
    magnitude, phase = torch.exp(x[:, :bins]), torch.sin(x[:, bins:])
    waves = [
        generator.wave(m[None, :, : n * per_unit + 1], p[None, :, : n * per_unit + 1])[0]
        for m, p, n in zip(magnitude, phase, units.tolist(), strict=True)
    ]
    return nn.utils.rnn.pad_sequence(waves, batch_first=True)
