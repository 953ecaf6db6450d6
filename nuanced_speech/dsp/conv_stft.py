"""Short-time Fourier transform and its inverse as plain convolutions.

Frames, window and Fourier basis are one bank of real filters, so the analysis is a strided `conv1d` and the
synthesis a `conv_transpose1d`. No complex tensor occurs: the module exports to ONNX and differentiates on every
backend. `torch.stft` is faster where complex tensors are available.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Power below which a bin counts as silent. Its magnitude, 1e-7, is under the float32 rounding of any audible frame,
# and it keeps the gradients of sqrt and atan2 finite.
_SILENT_POWER = 1e-14

# Least squared window weight to divide by: a tenth of the peak, squared. Samples under less fade to zero in the
# inverse, as dividing by their weight would amplify whatever frames disagree about, rounding errors at the least.
_LEAST_WEIGHT = 1e-2


class CustomSTFT(nn.Module):
    """STFT with a periodic Hann window, and its inverse, by convolution with real kernels.

    Magnitude and phase follow the conventions of `torch.stft` (onesided, not normalised, a window shorter than the
    filter sits in its middle). The inverse is the least-squares one of Griffin and Lim (1984): windowed overlap-add
    divided by the overlap-added squared window.

    Args:
        filter_length: samples in a Fourier frame; gives `filter_length // 2 + 1` frequency bins.
        hop_length: samples between frames, at most half of `win_length`, or samples would go unweighed.
        win_length: samples under the window, at most `filter_length`.
        center: frame `k` is centred at sample `k * hop_length` and the ends are padded. Without it the first frame
            starts at sample 0, and as the window is zero there, the first and last samples cannot be restored.
        pad_mode: how `center` extends the ends. "reflect" is what `torch.stft` does and needs more than
            `filter_length // 2` samples; "replicate" takes any length.

    Raises:
        ValueError: lengths that do not fit each other, or an unknown `pad_mode`.
    """

    window: Tensor
    analysis: Tensor
    synthesis: Tensor

    def __init__(
        self,
        filter_length: int = 800,
        hop_length: int = 200,
        win_length: int = 800,
        center: bool = True,
        pad_mode: Literal["reflect", "replicate"] = "reflect",
    ) -> None:
        super().__init__()
        if not 2 <= win_length <= filter_length:
            raise ValueError(f"win_length must be between 2 and filter_length ({filter_length}), not {win_length}")
        if not 1 <= hop_length <= win_length // 2:
            raise ValueError(f"hop_length must be between 1 and half of win_length ({win_length}), not {hop_length}")
        if pad_mode not in ("reflect", "replicate"):
            raise ValueError(f'pad_mode must be "reflect" or "replicate", not "{pad_mode}"')
        self.filter_length = filter_length
        self.hop_length = hop_length
        self.win_length = win_length
        self.center = center
        self.pad_mode = pad_mode

        margin = filter_length - win_length
        window = torch.hann_window(win_length, periodic=True, dtype=torch.float64)
        window = F.pad(window, (margin // 2, margin - margin // 2))
        cosines, sines = _fourier_basis(filter_length)
        # A bin stands for itself and its mirror image, except 0 Hz and, in even lengths, the Nyquist frequency.
        share = torch.full((filter_length // 2 + 1, 1), 2.0, dtype=torch.float64)
        share[0] = 1.0
        if filter_length % 2 == 0:
            share[-1] = 1.0
        analysis = torch.cat([cosines, -sines]) * window
        synthesis = torch.cat([share * cosines, -share * sines]) * window / filter_length
        # Not persistent: they follow from the arguments and would only burden checkpoints.
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("analysis", analysis.float().unsqueeze(1), persistent=False)
        self.register_buffer("synthesis", synthesis.float().unsqueeze(1), persistent=False)

    def transform(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Analyse `[B, T]` into magnitude and phase (radians in [-pi, pi]), both `[B, filter_length // 2 + 1, frames]`.

        Centred, there are `1 + T // hop_length` frames. Silent bins get magnitude 1e-7, phase 0 and no gradient.
        """
        signal = waveform.unsqueeze(1)
        if self.center:
            margin = self.filter_length // 2
            signal = F.pad(signal, (margin, margin), mode=self.pad_mode)
        real, imaginary = F.conv1d(signal, self.analysis, stride=self.hop_length).chunk(2, dim=1)
        power = real.square() + imaginary.square()
        magnitude = power.clamp_min(_SILENT_POWER).sqrt()
        # The gradient of atan2 divides by the power, which underflows near the origin, and ONNX divides 0 by 0 there.
        # A where() behind it would pass the NaN on: replace the input.
        silent = power < _SILENT_POWER
        phase = torch.atan2(imaginary.masked_fill(silent, 0.0), real.masked_fill(silent, 1.0))
        return magnitude, phase

    def inverse(self, magnitude: Tensor, phase: Tensor, length: int | None = None) -> Tensor:
        """Synthesise `[B, T]` from magnitude and phase `[B, filter_length // 2 + 1, frames]`.

        `length` cuts the result to so many samples or fills it up with zeros. Without it the result ends at the centre
        of the last frame (the end of the last frame if not `center`): `T - T % hop_length` samples of the original `T`.
        The samples after that centre come back whole if `hop_length` is at most a third of `win_length`; at half of it
        only the window's foot reaches the last of them, and they fade.
        """
        waveform = self._overlap_add(magnitude, phase)
        if length is None:
            return waveform[:, : waveform.shape[-1] - self.filter_length // 2] if self.center else waveform
        if length > waveform.shape[-1]:
            waveform = F.pad(waveform, (0, length - waveform.shape[-1]))
        return waveform[:, :length]

    def forward(self, waveform: Tensor) -> Tensor:
        """Analyse and resynthesise `[B, T]`; the result has the same shape and, with `center`, the same samples."""
        # One more hop puts the last sample between two frames; with half overlap only a window's foot would reach it.
        extended = F.pad(waveform, (0, self.hop_length))
        return self._overlap_add(*self.transform(extended))[:, : waveform.shape[-1]]

    def _overlap_add(self, magnitude: Tensor, phase: Tensor) -> Tensor:
        """Waveform `[B, samples]` from the first sample of the signal to the end of the last frame."""
        spectrum = torch.cat([magnitude * phase.cos(), magnitude * phase.sin()], dim=1)
        waveform = F.conv_transpose1d(spectrum, self.synthesis, stride=self.hop_length)
        frames = torch.ones_like(magnitude[:1, :1])
        weight = F.conv_transpose1d(frames, self.window.square().view(1, 1, -1), stride=self.hop_length)
        waveform = (waveform / weight.clamp_min(_LEAST_WEIGHT)).squeeze(1)
        return waveform[:, self.filter_length // 2 :] if self.center else waveform


def _fourier_basis(length: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines `[length // 2 + 1, length]` of the real Fourier transform, in double precision."""
    bins = torch.arange(length // 2 + 1)
    # Whole turns are taken off as integers: the cosine of a large angle would have lost its last digits.
    turns = torch.outer(bins, torch.arange(length)) % length
    angles = turns.double() * (2 * math.pi / length)
    sines = angles.sin()
    # Exactly zero, not 1e-16, where the spectrum of a real signal is real: its phase there is then 0 or pi.
    sines[(2 * bins) % length == 0] = 0.0
    return angles.cos(), sines
