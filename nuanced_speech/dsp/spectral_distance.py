"""Distance of two waveforms in log spectra of several resolutions, up to the frequency that a recording reaches."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.dsp.stft_loss import STFTLoss

RESOLUTIONS = (256, 512, 1024, 2048)
"""Window lengths of the log spectra that are compared."""
# What a recording of 16 kHz has above 8 kHz lies further below its loudest band than this.
_SILENT_DB = 85.0
_FRAME = 2048


class SpectralDistance(nn.Module):
    """Mean over resolutions of spectral convergence and log-magnitude L1, of what lies below each item's bandwidth."""

    def __init__(self, sizes: Sequence[int] = RESOLUTIONS) -> None:
        super().__init__()
        self.each = [STFTLoss(size, size // 4, size) for size in sizes]
        self.buffers_of = nn.ModuleList(self.each)

    def forward(self, prediction: Tensor, target: Tensor, bandwidth: Tensor) -> tuple[Tensor, Tensor]:
        """Convergence and log distance, scalars, of two ``[B, T]``; ``bandwidth [B]`` in Hz."""
        parts = []
        for spectrum in self.each:
            predicted, expected = spectrum.magnitude(prediction), spectrum.magnitude(target)
            hertz = torch.linspace(0, SAMPLE_RATE / 2, expected.shape[1], device=expected.device)
            known = (hertz[None] <= bandwidth[:, None])[..., None]
            apart = (predicted - expected) * known
            convergence = apart.flatten(1).norm(dim=1) / ((expected * known).flatten(1).norm(dim=1) + 1e-3)
            log_distance = ((predicted.log() - expected.log()).abs() * known).sum((1, 2)) / known.sum((1, 2))
            parts.append((convergence.mean(), log_distance.mean() / expected.shape[2]))
        convergence, distance = (torch.stack(part).mean() for part in zip(*parts, strict=True))
        return convergence, distance


def bandwidth_of(wave: np.ndarray) -> float:
    """Hz up to which ``wave [T]`` at 24 kHz says something: its long-term spectrum is not silent there.

    A recording at a lower rate says nothing above half of that.
    """
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, (0, _FRAME)), _FRAME)[:: _FRAME // 2]
    power = (np.abs(np.fft.rfft(frames * np.hanning(_FRAME))) ** 2).mean(0)
    audible = np.flatnonzero(power > power.max() * 10 ** (-_SILENT_DB / 10))
    return float((audible[-1] if len(audible) else _FRAME // 2) * SAMPLE_RATE / _FRAME)
