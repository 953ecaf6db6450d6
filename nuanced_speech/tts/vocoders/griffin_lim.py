"""Griffin-Lim: a waveform from a mel spectrogram without any training; the baseline of all vocoders here."""

import torch
from torch import Tensor, nn

from nuanced_speech.tts.mel import MEL, MelConfig, mel_bank
from nuanced_speech.tts.vocoders.stft import inverse_stft, stft


class GriffinLim(nn.Module):
    """Mel ``[B, n_mels, frames]`` to waveform ``[B, frames * hop_length]``.

    The magnitudes come from the mel bands by their pseudo-inverse; the phases from the fast variant of the iteration
    (Perraudin, Balazs, Søndergaard 2013), which steps beyond the projection by ``momentum``.
    """

    def __init__(self, iterations: int = 32, momentum: float = 0.99, mel: MelConfig = MEL) -> None:
        super().__init__()
        self.iterations, self.momentum, self.mel = iterations, momentum, mel
        self.inverse: Tensor
        self.register_buffer("inverse", torch.linalg.pinv(mel_bank(mel)), persistent=False)

    @torch.no_grad()
    def forward(self, mel: Tensor, seed: int = 0) -> Tensor:
        """Speak; the same seed starts from the same phases."""
        wanted = (self.inverse @ mel.exp()).clamp(min=self.mel.floor)
        generator = torch.Generator().manual_seed(seed)
        phase = torch.rand(wanted.shape, generator=generator).to(mel.device) * (2 * torch.pi)
        return consistent(torch.polar(wanted, phase), self.mel, self.iterations, self.momentum)


def consistent(spectrum: Tensor, config: MelConfig, iterations: int, momentum: float = 0.99) -> Tensor:
    """The waveform ``[B, frames * hop_length]`` that comes near the magnitudes of ``spectrum``, from its phases on."""
    wanted = spectrum.abs()
    before = torch.zeros_like(spectrum)
    for _ in range(iterations):
        rebuilt = stft(inverse_stft(spectrum, config), config)
        ahead = rebuilt + momentum * (rebuilt - before)
        spectrum = wanted * ahead / ahead.abs().clamp(min=1e-8)
        before = rebuilt
    return inverse_stft(spectrum, config)
