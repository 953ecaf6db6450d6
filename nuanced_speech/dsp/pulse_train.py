"""A band-limited pulse train that follows F0: all harmonics, equally loud."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

FILLED_HZ = 100.0
"""F0 where no voiced frame is known; nothing of it sounds."""


def pulse_train(f0: Tensor, hop_length: int, sample_rate: int) -> Tensor:
    """All harmonics of ``f0 [B, frames]`` in Hz below the Nyquist frequency, equally loud, as a waveform
    ``[B, frames * hop_length]`` whose power does not depend on F0; silent where F0 is 0."""
    hertz = F.interpolate(filled_f0(f0)[:, None], scale_factor=hop_length, mode="linear")[:, 0].double()
    return pulses_at(hertz, (hertz / sample_rate).cumsum(1), (f0 > 0).repeat_interleave(hop_length, 1), sample_rate)


def pulses_at(hertz: Tensor, turns: Tensor, voiced: Tensor, sample_rate: int) -> Tensor:
    """The pulse train of a frequency for each sample, and the turns of the first harmonic up to it; silent where not
    voiced. All are ``[B, T]``.

    The sum of cosines has a closed form (Dirichlet's kernel).
    """
    phase = torch.remainder(turns, 1.0) * (2 * math.pi)
    count = (sample_rate / 2 / hertz).floor()
    half = (phase / 2).sin()
    kernel = torch.where(half.abs() < 1e-4, count, ((count + 0.5) * phase).sin() / (2 * half) - 0.5)
    return (kernel * (2 / count).sqrt() * voiced).float()


def filled_f0(f0: Tensor) -> Tensor:
    """``f0 [B, frames]`` in which unvoiced frames have the F0 of the voiced frame before them (of the first one, in
    front of it)."""
    frames = torch.arange(f0.shape[1], device=f0.device)
    last = torch.where(f0 > 0, frames, -1).cummax(1).values
    first = torch.where(f0 > 0, frames, f0.shape[1] - 1).amin(1, keepdim=True)
    filled = f0.gather(1, torch.where(last < 0, first, last))
    return torch.where(filled > 0, filled, FILLED_HZ)


def held_f0(f0: Tensor, before: Tensor) -> Tensor:
    """``f0 [B, frames]`` in which unvoiced frames have the F0 of the voiced frame before them, or ``before [B]`` where
    there is none: as a stream knows it."""
    frames = torch.arange(1, f0.shape[1] + 1, device=f0.device)
    last = torch.where(f0 > 0, frames, 0).cummax(1).values
    return torch.cat([before[:, None], f0], 1).gather(1, last)
