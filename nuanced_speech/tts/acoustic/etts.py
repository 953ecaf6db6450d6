"""ETTS: phonemes and a speaker embedding to mel in one go.

phoneme encoder → durations → length regulator → F0 contour → decoder → mel

After FastSpeech 2 (Ren et al. 2021): durations and F0 are learned from the data and predicted when speaking. In place
of attention there are ConvNeXt blocks (Liu et al. 2022) in one dimension, whose normalisation the speaker scales and
shifts (Perez et al. 2018). Two things make it cheap and sharp: whatever works on frames works on pairs of them, and the
F0 reaches the decoder as a picture of its harmonics in the mel bands, so it only learns what lies over them.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nuanced_speech.core.constants import SPEAKER_DIM
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.models.kokoro_layers import length_mask
from nuanced_speech.tts.acoustic.data import Batch
from nuanced_speech.tts.acoustic.interface import AcousticModel, AcousticOutput, Loss, masked_mean
from nuanced_speech.tts.acoustic.pitch import HIGHEST, LOWEST, comb, combs

# log2 Hz: middle and spread of voices.
F0_CENTRE, F0_SPREAD = 7.3, 0.45
# Where in its phoneme a frame lies: from the start, to the end, and the phoneme's length.
PLACE = 3


# Longest phoneme in frames, four seconds: no data set has longer ones.
LONGEST = 344


@dataclass(frozen=True)
class EttsConfig:
    """Sizes. The defaults have 8 million parameters.

    Attributes:
        symbols: of the phoneme vocabulary, 0 included.
        channels, hidden: width of a block, and inside it.
        speaker: numbers that the speaker's embedding is brought down to.
        encoder, durations, pitch, decoder: blocks of each part.
        postnet: channels of the last correction, frame by frame.
        dropout: in training.
    """

    symbols: int = max(vocabulary().values()) + 1
    channels: int = 256
    hidden: int = 768
    speaker: int = 128
    encoder: int = 5
    durations: int = 2
    pitch: int = 3
    decoder: int = 6
    postnet: int = 160
    kernel: int = 7
    dropout: float = 0.1


class Block(nn.Module):
    """A ConvNeXt block ``[B, T, C]`` to the same, conditioned on the speaker ``[B, S]``; what lies beyond an item's
    end is zero and changes nothing."""

    def __init__(self, config: EttsConfig) -> None:
        super().__init__()
        channels = config.channels
        self.around = nn.Conv1d(channels, channels, config.kernel, padding=config.kernel // 2, groups=channels)
        self.norm = nn.LayerNorm(channels, elementwise_affine=False)
        self.speaker = nn.Linear(config.speaker, 2 * channels)
        self.up, self.down = nn.Linear(channels, config.hidden), nn.Linear(config.hidden, channels)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.zeros_(self.speaker.weight)
        nn.init.zeros_(self.speaker.bias)
        nn.init.normal_(self.down.weight, std=0.02 / config.decoder**0.5)
        nn.init.zeros_(self.down.bias)

    def forward(self, x: Tensor, mask: Tensor, speaker: Tensor) -> Tensor:
        scale, shift = self.speaker(speaker)[:, None].chunk(2, -1)
        y = self.around(x.transpose(1, 2)).transpose(1, 2)
        y = self.norm(y) * (1 + scale) + shift
        y = self.dropout(self.down(F.silu(self.up(y))))
        return (x + y) * mask[..., None]


class Stack(nn.Module):
    """Blocks one after the other."""

    def __init__(self, config: EttsConfig, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(config) for _ in range(blocks))
        self.norm = nn.LayerNorm(config.channels)

    def forward(self, x: Tensor, mask: Tensor, speaker: Tensor) -> Tensor:
        x = x * mask[..., None]
        for block in self.blocks:
            x = block(x, mask, speaker)
        return self.norm(x) * mask[..., None]


class Etts(AcousticModel):
    """The model; ``speak`` from phonemes, ``loss`` for training on utterances whose durations are known."""

    name = "etts"
    needs_durations = needs_pitch = True

    def __init__(self, config: EttsConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EttsConfig()
        channels, bands = config.channels, MEL.n_mels
        self.embedding = nn.Embedding(config.symbols, channels)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.speaker = nn.Sequential(nn.Linear(SPEAKER_DIM, config.speaker), nn.SiLU())
        self.encoder = Stack(config, config.encoder)
        self.durations = Stack(config, config.durations)
        self.to_duration = nn.Linear(channels, 1)
        nn.init.normal_(self.to_duration.weight, std=0.01)
        nn.init.constant_(self.to_duration.bias, 1.7)
        self.to_pairs = nn.Linear(2 * (channels + PLACE), channels)
        self.pitch = Stack(config, config.pitch)
        self.to_pitch = nn.Linear(channels, 4)
        nn.init.normal_(self.to_pitch.weight, std=0.01)
        self.harmonics = nn.Linear(2 * (bands + 2), channels)
        self.decoder = Stack(config, config.decoder)
        self.to_mel = nn.Linear(channels, 2 * bands)
        self.postnet = nn.ModuleList(
            [nn.Conv1d(2 * bands, config.postnet, 5, padding=2), nn.Conv1d(config.postnet, bands, 5, padding=2)]
        )
        for parameter in self.postnet[1].parameters():
            nn.init.zeros_(parameter)
        self.combs: Tensor
        self.register_buffer("combs", combs(), persistent=False)

    def encode(self, phonemes: Tensor, lengths: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features of phonemes ``[B, T, C]``, their log durations ``[B, T]`` as log(1 + frames), and the speaker."""
        speaker = self.speaker(embedding * SPEAKER_DIM**0.5)
        mask = length_mask(lengths, phonemes.shape[1])
        features = self.encoder(self.embedding(phonemes), mask, speaker)
        log_durations = self.to_duration(self.durations(features, mask, speaker))[..., 0]
        return features, log_durations, speaker

    def expand(self, features: Tensor, durations: Tensor, frames: int) -> Tensor:
        """The length regulator, and pairs of frames: ``[B, frames / 2, C]`` of features ``[B, T, C]``."""
        spread = regulate(features, durations, frames)
        return self.to_pairs(_pairs(spread))

    def contour(self, pairs: Tensor, mask: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Log2 F0, normalised, and the logit of being voiced, ``[B, frames]`` each."""
        coefficients = self.to_pitch(self.pitch(pairs, mask, speaker)).float()
        return coefficients[..., :2].flatten(1), coefficients[..., 2:].flatten(1)

    def decode(self, pairs: Tensor, f0: Tensor, mask: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised mel ``[B, frames, 80]`` before and after the postnet, of F0 in Hz ``[B, frames]``."""
        picture = comb(f0, self.combs)
        voiced = (f0 > 0).float()
        height = ((f0.clamp(min=LOWEST).log2() - F0_CENTRE) / F0_SPREAD) * voiced
        seen = torch.cat([picture, height[..., None], voiced[..., None]], -1)
        x = self.decoder(pairs + self.harmonics(_pairs(seen)), mask, speaker)
        coarse = self.to_mel(x).unflatten(-1, (2, -1)).flatten(1, 2)
        each = mask.repeat_interleave(2, 1)
        coarse = coarse * each[..., None]
        y = torch.cat([coarse, picture], -1).transpose(1, 2)
        y = F.silu(self.postnet[0](y)) * each[:, None]
        return coarse, coarse + self.postnet[1](y).transpose(1, 2)

    def loss(self, batch: Batch, done: float = 0.0) -> Loss:
        """MSE of the mel before and after the postnet, of log durations and of log F0 (with what is voiced); and the
        mean error of the mel, which weighs the quiet detail more."""
        assert batch.durations is not None
        even = batch.mel.shape[1] + batch.mel.shape[1] % 2
        mel = F.pad(batch.mel, (0, 0, 0, even - batch.mel.shape[1]))
        f0 = F.pad(batch.f0, (0, even - batch.f0.shape[1]))
        mask, pairs_mask = length_mask(batch.frames, even), length_mask((batch.frames + 1) // 2, even // 2)
        features, log_durations, speaker = self.encode(batch.phonemes, batch.lengths, batch.embedding)
        pairs = self.expand(features, batch.durations, even)
        height, voicing = self.contour(pairs, pairs_mask, speaker)
        coarse, fine = (x.float() for x in self.decode(pairs, f0, pairs_mask, speaker))

        target = self.normalised(mel)
        valid = length_mask(batch.lengths, batch.phonemes.shape[1])
        error = masked_mean(log_durations.float() - (batch.durations + 1).log(), valid)
        squares = (log_durations.float() - (batch.durations + 1).log()).square()
        voiced = (f0 > 0) & mask
        pitch = masked_mean((height - (f0.clamp(min=LOWEST).log2() - F0_CENTRE) / F0_SPREAD).square(), voiced)
        parts = {
            "mel": masked_mean((fine - target).square(), mask),
            "mel_before_postnet": masked_mean((coarse - target).square(), mask),
            "mel_absolute": masked_mean((fine - target).abs(), mask),
            "durations": masked_mean(squares, valid),
            "pitch": pitch,
            "voicing": masked_mean(
                F.binary_cross_entropy_with_logits(voicing, (f0 > 0).float(), reduction="none"), mask
            ),
        }
        total = (
            parts["mel"] + 0.5 * parts["mel_before_postnet"] + parts["mel_absolute"]
            + parts["durations"] + 0.3 * parts["pitch"] + 0.3 * parts["voicing"]
        )  # fmt: skip
        parts["duration_bias"] = error.detach()
        return Loss(total, parts, self.log_mel(fine)[:, : batch.mel.shape[1]])

    @torch.no_grad()
    def speak(self, phonemes: Tensor, embedding: Tensor, speed: float = 1.0) -> AcousticOutput:
        """A mel ``[frames, 80]`` of ids ``[T]`` for a speaker ``[256]``, ``speed`` times as fast as predicted."""
        lengths = torch.tensor([len(phonemes)], device=phonemes.device)
        features, log_durations, speaker = self.encode(phonemes[None], lengths, embedding[None])
        durations = ((log_durations.exp() - 1).clamp(min=0) / speed).round().long().clamp(1, LONGEST)
        frames = int(durations.sum())
        even = frames + frames % 2
        mask = torch.ones(1, even // 2, dtype=torch.bool, device=phonemes.device)
        pairs = self.expand(features, durations, even)
        height, voicing = self.contour(pairs, mask, speaker)
        f0 = 2 ** (height * F0_SPREAD + F0_CENTRE)
        f0 = torch.where(voicing > 0, f0.clamp(LOWEST, HIGHEST), 0)
        _, mel = self.decode(pairs, f0, mask, speaker)
        return AcousticOutput(self.log_mel(mel)[0, :frames], durations[0])


def regulate(features: Tensor, durations: Tensor, frames: int) -> Tensor:
    """Every phoneme's features ``[B, T, C]`` for as many frames as it lasts, and where in it a frame lies:
    ``[B, frames, C + 3]``, zero beyond each item's end."""
    ends = durations.cumsum(1)
    time = torch.arange(frames, device=features.device)[None].expand(len(features), -1)
    which = torch.searchsorted(ends, time.contiguous(), right=True)
    inside = which < durations.shape[1]
    which = which.clamp(max=durations.shape[1] - 1)
    spread = features.gather(1, which[..., None].expand(-1, -1, features.shape[2]))
    length = durations.gather(1, which).float()
    before = time - (ends - durations).gather(1, which) + 0.5
    # in tenths of a second or so, and on a logarithmic scale
    place = torch.stack([(before + 1).log(), (length - before + 1).clamp(min=1).log(), (length + 1).log()], -1)
    return torch.cat([spread, place.to(spread.dtype)], -1) * inside[..., None]


def _pairs(x: Tensor) -> Tensor:
    """``[B, 2 N, C]`` to ``[B, N, 2 C]``."""
    return x.unflatten(1, (-1, 2)).flatten(2)
