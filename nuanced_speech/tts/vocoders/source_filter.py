"""The packaged vocoder: a pulse train at the melody that the mel shows, filtered; then phases made consistent.

Three steps, after the source-filter models of Wang et al. 2019 (NSF) and Li et al. 2023 (HiFTNet), but on magnitudes:
a network reads F0 from the mel; a second one says for each bin of the STFT how loud harmonics and noise are in it, so
that the magnitudes have the fine structure of a voice that the mel's wide bands have lost; and a few rounds of fast
Griffin-Lim, started from the phases of the pulse train, turn magnitudes into a waveform. Nothing is left to chance but
the noise, and a magnitude is a plain regression target: it trains on a processor in the time that a generative
adversarial network needs to begin.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nuanced_speech.dsp.mel import MEL, MelConfig
from nuanced_speech.dsp.pulse_train import pulse_train
from nuanced_speech.tts.vocoders.convnext import ConvNeXtBlock
from nuanced_speech.tts.vocoders.griffin_lim import MelInverse, consistent
from nuanced_speech.tts.vocoders.stft import stft

LOWEST_F0, CENTS_PER_BIN, F0_BINS = 50.0, 20, 250
# As the mel's own: roughly mean and spread of log mel values of speech.
MEL_MEAN, MEL_SPREAD = -5.0, 2.5
# How often fine structure and mel are brought together.
MEL_ROUNDS = 3
# Natural logarithm of how far a bin may rise above what the mel says.
LOUDEST = 4.0


@dataclass(frozen=True)
class SourceFilterConfig:
    """Sizes: ``width`` and ``blocks`` of the filter's network, and of the one that reads F0."""

    width: int = 288
    blocks: int = 6
    f0_width: int = 192
    f0_blocks: int = 4
    iterations: int = 32


class PitchReader(nn.Module):
    """Mel ``[B, 80, frames]`` to scores ``[B, F0_BINS + 1, frames]``: pitches 20 cents apart, and last "unvoiced"."""

    def __init__(self, config: SourceFilterConfig, mel: MelConfig) -> None:
        super().__init__()
        self.embed = nn.Conv1d(mel.n_mels, config.f0_width, 7, padding=3)
        self.blocks = nn.Sequential(
            *(ConvNeXtBlock(config.f0_width, 3 * config.f0_width) for _ in range(config.f0_blocks))
        )
        self.norm = nn.LayerNorm(config.f0_width, eps=1e-6)
        self.head = nn.Linear(config.f0_width, F0_BINS + 1)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.blocks(self.embed((mel - MEL_MEAN) / MEL_SPREAD))
        return self.head(self.norm(x.transpose(1, 2))).transpose(1, 2)


class SourceFilter(nn.Module):
    """Mel ``[B, 80, frames]`` to waveform ``[B, frames * 256]``."""

    def __init__(self, config: SourceFilterConfig | None = None, mel: MelConfig = MEL) -> None:
        super().__init__()
        self.config = config = config or SourceFilterConfig()
        self.mel = mel
        bins = mel.n_fft // 2 + 1
        self.pitch = PitchReader(config, mel)
        self.embed = nn.Conv1d(mel.n_mels + 2, config.width, 7, padding=3)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(config.width, 3 * config.width) for _ in range(config.blocks)))
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.harmonic = nn.Linear(config.width, bins)
        self.noise = nn.Linear(config.width, bins)
        # at first nothing but what the mel says
        for head, start in ((self.harmonic, -3.0), (self.noise, 0.0)):
            nn.init.normal_(head.weight, 0.0, 0.01)
            nn.init.constant_(head.bias, start)
        self.inverse = MelInverse(mel)

    def f0(self, mel: Tensor) -> Tensor:
        """Hz ``[B, frames]``, 0 where unvoiced."""
        return to_hertz(self.pitch(mel))

    def fine_structure(self, mel: Tensor, f0: Tensor) -> tuple[Tensor, Tensor]:
        """Logarithms of how loud harmonics and noise are in each bin, relative to what the mel says: two of
        ``[B, bins, frames]``, from ``mel [B, 80, frames]`` and ``f0 [B, frames]`` in Hz, 0 where unvoiced."""
        voiced = (f0 > 0).float()
        pitch = (f0.clamp(min=LOWEST_F0) / 200).log() * voiced
        x = torch.cat([(mel - MEL_MEAN) / MEL_SPREAD, pitch[:, None], voiced[:, None]], 1)
        x = self.norm(self.blocks(self.embed(x)).transpose(1, 2))
        harmonic, noise = (head(x).transpose(1, 2).float() for head in (self.harmonic, self.noise))
        return harmonic, noise

    def magnitudes(self, mel: Tensor, source: Tensor, harmonic: Tensor, noise: Tensor) -> Tensor:
        """How loud each bin is ``[B, bins, frames]``, with just the given mel.

        Args:
            mel: ``[B, 80, frames]``.
            source: ``[B, bins, frames]``, the pulse train's magnitudes about a mean power of 1, 0 where unvoiced.
            harmonic, noise: ``[B, bins, frames]``, of ``fine_structure``.
        """
        shape = harmonic.clamp(max=LOUDEST).exp() * source + noise.clamp(max=LOUDEST).exp()
        return self.inverse.fit(self.inverse(mel) * shape, mel, MEL_ROUNDS)

    @torch.no_grad()
    def forward(self, mel: Tensor, seed: int = 0, f0: Tensor | None = None) -> Tensor:
        """Speak; ``f0 [B, frames]`` in Hz takes the place of what is read from the mel."""
        if f0 is None:
            f0 = self.f0(mel)
        generator = torch.Generator().manual_seed(seed)
        pulses = source_spectrum(f0, self.mel)
        hiss = torch.randn(len(mel), mel.shape[-1] * self.mel.hop_length, generator=generator).to(mel.device)
        harmonic, noise = self.fine_structure(mel, f0)
        magnitude = self.magnitudes(mel, pulses.abs(), harmonic, noise)
        voice_like = harmonic.exp() * pulses.abs() > noise.exp()
        phase = torch.where(voice_like, pulses, stft(hiss, self.mel)).angle()
        return consistent(torch.polar(magnitude, phase), self.mel, self.config.iterations)


def to_bins(f0: Tensor) -> Tensor:
    """The class of each frame, int64 of the same shape: its pitch, or ``F0_BINS`` where unvoiced."""
    steps = (f0.clamp(min=LOWEST_F0) / LOWEST_F0).log2() * 1200 / CENTS_PER_BIN
    return torch.where(f0 > 0, steps.round().long().clamp(max=F0_BINS - 1), F0_BINS)


def to_hertz(scores: Tensor) -> Tensor:
    """Hz ``[B, frames]`` of scores ``[B, F0_BINS + 1, frames]``: between the likeliest bin and its neighbours."""
    pitch = scores[:, :F0_BINS]
    best = pitch.argmax(1, keepdim=True)
    around = (best + torch.arange(-4, 5, device=scores.device)[None, :, None]).clamp(0, F0_BINS - 1)
    weights = pitch.gather(1, around).softmax(1)
    cents = (weights * around).sum(1) * CENTS_PER_BIN
    voiced = pitch.logsumexp(1) > scores[:, F0_BINS]
    return torch.where(voiced, LOWEST_F0 * 2 ** (cents / 1200), 0.0)


def source_spectrum(f0: Tensor, config: MelConfig) -> Tensor:
    """STFT ``[B, bins, frames]`` of the pulse train of ``f0 [B, frames]``, its mean power 1 where voiced."""
    return (
        stft(pulse_train(f0, config.hop_length, config.sample_rate), config)
        / torch.hann_window(config.n_fft).square().sum().sqrt()
    )
