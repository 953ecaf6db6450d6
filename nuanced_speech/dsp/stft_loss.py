"""Distances between magnitude spectra, at one resolution and at several (Yamamoto, Song and Kim 2020)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.dsp.mel import mel_filters

# Added to the power before the root. About 105 dB under a full-scale sine in the shortest default window: below it
# lie the rounding errors of 16-bit audio, which a log magnitude would otherwise weigh like speech.
_POWER_FLOOR = 1e-7


class SpectralLoss(NamedTuple):
    """Scalars of one evaluation: `total` is what to minimise, the others are its unweighted parts, for the log."""

    total: Tensor
    convergence: Tensor
    log_magnitude: Tensor


class STFTLoss(nn.Module):
    """Distance between the magnitudes of two batches of audio at one resolution.

    Frames are centred and the ends padded with zeros, so an item gives the same frames alone and in a padded batch.

    Args:
        fft_size: samples in a Fourier frame.
        hop_length: samples between frames.
        win_length: samples under the (periodic Hann) window, at most `fft_size`.
        n_mels: compare this many mel bands instead of frequency bins. Bands too narrow to hold a bin are left out.
        sample_rate: Hz, for the mel bands.
    """

    window: Tensor
    mel_bank: Tensor | None

    def __init__(
        self, fft_size: int, hop_length: int, win_length: int, n_mels: int | None = None, sample_rate: int = SAMPLE_RATE
    ) -> None:
        super().__init__()
        if not 1 <= win_length <= fft_size or hop_length < 1:
            raise ValueError(
                f"need 1 <= win_length <= fft_size and hop_length >= 1, not {win_length}, {fft_size}, {hop_length}"
            )
        self.fft_size = fft_size
        self.hop_length = hop_length
        self.win_length = win_length
        # Not persistent: both follow from the arguments and would only burden checkpoints.
        self.register_buffer("window", torch.hann_window(win_length), persistent=False)
        # Means, not sums: the floor under the magnitudes then means the same in bands as in bins.
        bank = None if n_mels is None else torch.tensor(mel_filters(fft_size, n_mels, sample_rate, norm="mean"))
        self.register_buffer("mel_bank", bank, persistent=False)

    def magnitude(self, waveform: Tensor) -> Tensor:
        """Magnitudes `[B, bins or bands, 1 + T // hop_length]` of `[B, T]`, never below the square root of 1e-7."""
        spectrum = torch.stft(
            waveform,
            self.fft_size,
            self.hop_length,
            self.win_length,
            self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        magnitude = (spectrum.real.square() + spectrum.imag.square() + _POWER_FLOOR).sqrt()
        return magnitude if self.mel_bank is None else self.mel_bank @ magnitude

    def forward(self, prediction: Tensor, target: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Spectral convergence and log-magnitude L1 `[B]` of each item of `[B, T]`.

        `lengths` `[B]` are the items' samples; what lies beyond must be zero already.
        """
        predicted, expected = self.magnitude(prediction), self.magnitude(target)
        frames = 1 + torch.div(lengths, self.hop_length, rounding_mode="floor")
        mask = (torch.arange(expected.shape[-1], device=frames.device) < frames[:, None]).to(expected).unsqueeze(1)
        difference = ((predicted - expected) * mask).flatten(1)
        convergence = difference.norm(dim=1) / (expected * mask).flatten(1).norm(dim=1)
        log_difference = (predicted.log() - expected.log()).abs() * mask
        log_magnitude = log_difference.mean(dim=1).sum(dim=1) / frames
        return convergence, log_magnitude


class MultiResolutionSTFTLoss(nn.Module):
    """Mean over resolutions of spectral convergence and log-magnitude L1 (Yamamoto et al. 2020).

    Spectral convergence, ``|target - prediction| / |target|`` in the Frobenius norm, follows the loud parts; the L1
    distance of log magnitudes (natural log) the quiet ones. Both are taken per item and averaged over the batch, so a
    padded batch with `lengths` gives the mean of what its items give alone. The default sizes are the paper's. An item
    whose target is all silence gives a finite but very large convergence: better not to draw such crops.

    >>> loss = MultiResolutionSTFTLoss(n_mels=80)(prediction, target, lengths)
    >>> loss.total.backward()

    Args:
        fft_sizes, hops, windows: of each resolution, in samples.
        n_mels: compare mel bands instead of frequency bins.
        sample_rate: Hz, for the mel bands.
        convergence_weight, log_magnitude_weight: of the two parts in the total.

    Raises:
        ValueError: lists of different lengths, or sizes that do not fit each other.
    """

    def __init__(
        self,
        fft_sizes: Sequence[int] = (1024, 2048, 512),
        hops: Sequence[int] = (120, 240, 50),
        windows: Sequence[int] = (600, 1200, 240),
        n_mels: int | None = None,
        sample_rate: int = SAMPLE_RATE,
        convergence_weight: float = 1.0,
        log_magnitude_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if not len(fft_sizes) == len(hops) == len(windows) > 0:
            raise ValueError(
                f"as many fft_sizes, hops and windows are needed, not {len(fft_sizes)}, {len(hops)}, {len(windows)}"
            )
        self.resolutions = nn.ModuleList(
            STFTLoss(fft_size, hop, window, n_mels, sample_rate)
            for fft_size, hop, window in zip(fft_sizes, hops, windows, strict=True)
        )
        self.convergence_weight = convergence_weight
        self.log_magnitude_weight = log_magnitude_weight

    def forward(self, prediction: Tensor, target: Tensor, lengths: Tensor | None = None) -> SpectralLoss:
        """Compare waveforms `[B, T]` (or `[T]`) of the same shape.

        `lengths` `[B]`, in samples, says how much of each item counts; padding beyond it may hold anything finite.

        Raises:
            ValueError: shapes that differ, or lengths that are not one of 1..T for each item.
        """
        if prediction.shape != target.shape or prediction.dim() not in (1, 2):
            raise ValueError(f"two [B, T] of one shape are needed, not {[*prediction.shape]} and {[*target.shape]}")
        prediction, target = torch.atleast_2d(prediction), torch.atleast_2d(target)
        batch, samples = target.shape
        if lengths is None:
            lengths = torch.full((batch,), samples, device=target.device)
        else:
            lengths = lengths.to(target.device)
            if lengths.shape != (batch,) or bool(((lengths < 1) | (lengths > samples)).any()):
                raise ValueError(f"lengths must be {batch} numbers of samples from 1 to {samples}: {lengths.tolist()}")
            padding = torch.arange(samples, device=target.device) >= lengths[:, None]
            prediction, target = prediction.masked_fill(padding, 0.0), target.masked_fill(padding, 0.0)
        parts = [resolution(prediction, target, lengths) for resolution in self.resolutions]
        convergence = torch.stack([part[0] for part in parts]).mean()
        log_magnitude = torch.stack([part[1] for part in parts]).mean()
        total = self.convergence_weight * convergence + self.log_magnitude_weight * log_magnitude
        return SpectralLoss(total, convergence, log_magnitude)
