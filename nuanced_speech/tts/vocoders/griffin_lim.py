"""Griffin-Lim: a waveform from a mel spectrogram without any training; the baseline of all vocoders here."""

import torch
from torch import Tensor, nn

from nuanced_speech.dsp.mel import MEL, MelConfig, mel_bank
from nuanced_speech.tts.vocoders.stft import inverse_stft, stft


class MelInverse(nn.Module):
    """Mel ``[B, n_mels, frames]`` to magnitudes ``[B, n_fft // 2 + 1, frames]`` with that very mel.

    From flat magnitudes on, each bin is multiplied by how much the bands that it is part of are too quiet: the update
    of Richardson 1972 and Lucy 1974, which keeps magnitudes positive and as smooth as the bands allow. Bins beyond the
    highest band get the magnitude of the last bin that is in one.
    """

    def __init__(self, mel: MelConfig = MEL) -> None:
        super().__init__()
        bank = mel_bank(mel)
        self.bank: Tensor
        self.register_buffer("bank", bank, persistent=False)
        self.covered = int((bank.sum(0) > 1e-6).nonzero().max()) + 1

    def forward(self, mel: Tensor, rounds: int = 16) -> Tensor:
        flat = mel.new_ones(len(mel), self.bank.shape[1], mel.shape[2])
        magnitude = self.fit(flat, mel, rounds)
        magnitude[:, self.covered :] = magnitude[:, self.covered - 1, None]
        return magnitude

    def fit(self, magnitude: Tensor, mel: Tensor, rounds: int) -> Tensor:
        """Magnitudes moved towards having that mel, their fine structure kept."""
        weight = self.bank.sum(0)[:, None]
        target = mel.exp()
        for _ in range(rounds):
            ratio = target / (self.bank @ magnitude).clamp(min=1e-6)
            magnitude = magnitude * torch.where(weight > 1e-6, self.bank.T @ ratio / weight.clamp(min=1e-6), 1.0)
        return magnitude


class GriffinLim(nn.Module):
    """Mel ``[B, n_mels, frames]`` to waveform ``[B, frames * hop_length]``.

    The magnitudes come from the mel by least squares, as is usual, or by ``MelInverse``; the phases from the fast
    variant of the iteration (Perraudin, Balazs, Søndergaard 2013), which steps beyond the projection by ``momentum``.
    """

    def __init__(
        self, iterations: int = 32, momentum: float = 0.99, least_squares: bool = True, mel: MelConfig = MEL
    ) -> None:
        super().__init__()
        self.iterations, self.momentum, self.mel = iterations, momentum, mel
        self.inverse = None if least_squares else MelInverse(mel)
        self.pseudo_inverse: Tensor
        self.register_buffer("pseudo_inverse", torch.linalg.pinv(mel_bank(mel)), persistent=False)

    @torch.no_grad()
    def forward(self, mel: Tensor, seed: int = 0) -> Tensor:
        """Speak; the same seed starts from the same phases."""
        target = self.inverse(mel) if self.inverse else self.pseudo_inverse @ mel.exp()
        target = target.clamp(min=self.mel.floor)
        generator = torch.Generator().manual_seed(seed)
        phase = torch.rand(target.shape, generator=generator).to(mel.device) * (2 * torch.pi)
        return consistent(torch.polar(target, phase), self.mel, self.iterations, self.momentum)


def consistent(spectrum: Tensor, config: MelConfig, iterations: int, momentum: float = 0.99) -> Tensor:
    """The waveform ``[B, frames * hop_length]`` that comes near the magnitudes of ``spectrum``, from its phases on."""
    target = spectrum.abs()
    before = torch.zeros_like(spectrum)
    for _ in range(iterations):
        rebuilt = stft(inverse_stft(spectrum, config), config)
        ahead = rebuilt + momentum * (rebuilt - before)
        spectrum = target * ahead / ahead.abs().clamp(min=1e-8)
        before = rebuilt
    return inverse_stft(spectrum, config)
