"""Distance of two waveforms in log spectra of several resolutions, up to the frequency that a recording reaches."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.dsp.stft_loss import STFTLoss

RESOLUTIONS = (256, 512, 1024, 2048)
"""Window lengths of the log spectra that are compared."""
MEL_BANDS = (20, 40, 80, 120)
"""Mel bands of these windows, where bands are compared."""
# What a recording of 16 kHz has above 8 kHz lies further below its loudest band than this.
_SILENT_DB = 85.0
_FRAME = 2048


class SpectralDistance(nn.Module):
    """Mean over resolutions of spectral convergence and log-magnitude L1, of what lies below each item's bandwidth.

    Args:
        sizes: window lengths.
        bands: compare so many mel bands of each in place of its frequency bins: the level in a band, not which of its
            bins is loud.
    """

    def __init__(self, sizes: Sequence[int] = RESOLUTIONS, bands: Sequence[int] | None = None) -> None:
        super().__init__()
        counts: Sequence[int | None] = bands or [None] * len(sizes)
        self.each = [STFTLoss(size, size // 4, size, count) for size, count in zip(sizes, counts, strict=True)]
        self.buffers_of = nn.ModuleList(self.each)
        for number, spectrum in enumerate(self.each):
            self.register_buffer(f"edges_{number}", _upper_edges(spectrum), persistent=False)

    def forward(self, prediction: Tensor, target: Tensor, bandwidth: Tensor) -> tuple[Tensor, Tensor]:
        """Convergence and log distance, scalars, of two ``[B, T]``; ``bandwidth [B]`` in Hz."""
        parts = []
        for number, spectrum in enumerate(self.each):
            predicted, expected = spectrum.magnitude(prediction), spectrum.magnitude(target)
            within = (self.get_buffer(f"edges_{number}")[None] <= bandwidth[:, None])[..., None]
            apart = (predicted - expected) * within
            convergence = apart.flatten(1).norm(dim=1) / ((expected * within).flatten(1).norm(dim=1) + 1e-3)
            log_distance = ((predicted.log() - expected.log()).abs() * within).sum((1, 2)) / within.sum((1, 2))
            parts.append((convergence.mean(), log_distance.mean() / expected.shape[2]))
        convergence, distance = (torch.stack(part).mean() for part in zip(*parts, strict=True))
        return convergence, distance


def _upper_edges(spectrum: STFTLoss) -> Tensor:
    """Hz up to which each row of a spectrum reaches ``[rows]``: a bin's own frequency, or a band's highest bin's."""
    bins = torch.linspace(0, SAMPLE_RATE / 2, spectrum.fft_size // 2 + 1)
    return bins if spectrum.mel_bank is None else ((spectrum.mel_bank > 0) * bins).amax(1)


def bandwidth_of(wave: np.ndarray) -> float:
    """Hz up to which ``wave [T]`` at 24 kHz says something: its long-term spectrum is not silent there.

    A recording at a lower rate says nothing above half of that.
    """
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, (0, _FRAME)), _FRAME)[:: _FRAME // 2]
    power = (np.abs(np.fft.rfft(frames * np.hanning(_FRAME))) ** 2).mean(0)
    audible = np.flatnonzero(power > power.max() * 10 ** (-_SILENT_DB / 10))
    return float((audible[-1] if len(audible) else _FRAME // 2) * SAMPLE_RATE / _FRAME)
