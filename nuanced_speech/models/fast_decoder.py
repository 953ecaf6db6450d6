"""A decoder at 80 Hz in place of Kokoro's: content, F0, energy, timbre and speaker to sound, ten times as quick.

Blocks of one frame rate (ConvNeXt, Liu et al. 2022; as Vocos, Siuzdak 2023, has them for audio), whose layer norms
depend on the voice, say for each bin of a short-time spectrum how loud the harmonics of a pulse train are, how far
their phase is turned, how loud noise is, and what neither gives. One inverse transform makes the sound of it. Nothing
is measured over the whole input, and a frame depends on a bounded number of later ones, so it streams.

The voice is a timbre of Kokoro's, a speaker embedding, or frames of a recording of the speaker: the spectral envelopes
of those that are most like the present content, by a learned key, are the base of all gains. Any of the three may be
missing. A decoder that follows its source is also given the envelopes of the recording that is converted: what they
have more than the same speaker's frames of such content is added to the base (differential spectrum modification,
Kobayashi et al. 2014).
"""

import copy
import hashlib
import json
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.func import functional_call

from nuanced_speech.core import precision
from nuanced_speech.core.constants import (
    CONTENT_DIM,
    ENVELOPE_BANDS,
    FRAMES_PER_UNIT,
    HOP_LENGTH,
    SAMPLE_RATE,
    SPEAKER_DIM,
    TIMBRE_DIM,
    VOICED_HZ,
)
from nuanced_speech.core.files import replacing
from nuanced_speech.core.tensor_files import reading_model
from nuanced_speech.dsp.harmonic_synthesis import N_FFT, SourceSpectra, source_spectra, synthesize
from nuanced_speech.models.decoder_adaptation import adapted_voice, adapted_weights
from nuanced_speech.models.decoder_voice import DecoderVoice, SourceEnvelopes, envelope_hz
from nuanced_speech.models.reference_attention import ReferenceAttention

LOUDEST = 6.0
"""Upper bound of log gains, about 50 dB above the loudest speech."""


@dataclass(frozen=True)
class FastDecoderConfig:
    """Sizes.

    Attributes:
        width: channels between blocks.
        hidden: channels inside a block.
        blocks: number of blocks.
        kernel_size: frames that a block's convolution sees.
        look_ahead: frames after the present one that are among them; none in the last block.
        condition: numbers that a voice is described by.
        heads: number of attention heads over the reference.
        key: size of each head's key.
        follows_source: whether it takes the envelopes of the recording that is converted.
    """

    width: int = 384
    hidden: int = 1152
    blocks: int = 8
    kernel_size: int = 7
    look_ahead: int = 1
    condition: int = 256
    heads: int = 4
    key: int = 64
    follows_source: bool = False


@dataclass(frozen=True)
class Gains:
    """What the network says of each bin of each frame, real tensors ``[B, 2T, 601]``.

    Attributes:
        harmonic: log gain of the pulse train's spectrum.
        phase: radians by which it is turned.
        noise: log gain of white noise.
        residual: log magnitude of what is added.
        residual_phase: phase of that.
    """

    harmonic: Tensor
    phase: Tensor
    noise: Tensor
    residual: Tensor
    residual_phase: Tensor


class Block(nn.Module):
    """Depthwise convolution over time, a layer norm that depends on the voice, two layers over channels, a residual:
    ``[B, C, F]`` to the same."""

    def __init__(self, config: FastDecoderConfig, look_ahead: int) -> None:
        super().__init__()
        width, size = config.width, config.kernel_size
        self.padding = (size - 1 - look_ahead, look_ahead)
        self.dwconv = nn.Conv1d(width, width, size, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.modulation = nn.Linear(config.condition, 2 * width)
        self.pwconv1 = nn.Linear(width, config.hidden)
        self.pwconv2 = nn.Linear(config.hidden, width)
        self.gamma = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return self.inner(F.pad(x, self.padding), condition)

    def inner(self, x: Tensor, condition: Tensor) -> Tensor:
        """The block for frames that have all their neighbours: ``[B, C, F + kernel_size - 1]`` to ``[B, C, F]``."""
        before, after = self.padding
        scale, shift = self.modulation(condition)[:, None].chunk(2, -1)
        y = self.norm(self.dwconv(x).transpose(1, 2))
        y = self.pwconv2(F.gelu(self.pwconv1(y * (1 + scale) + shift)))
        return x[..., before : x.shape[-1] - after] + (self.gamma * y).transpose(1, 2)


class FastDecoder(nn.Module):
    """Content, F0, energy and a voice to audio at 24 kHz; a ``Decoder`` of ``models.decoder``."""

    spread: Tensor
    # its pulses follow F0 exactly
    drops_octaves, uses_recordings = False, True

    def __init__(self, config: FastDecoderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FastDecoderConfig()
        width, bins = config.width, N_FFT // 2 + 1
        self.content = nn.Linear(CONTENT_DIM, FRAMES_PER_UNIT * width)
        self.curves = nn.Linear(3, width)
        self.attention = ReferenceAttention(config.width, config.heads, config.key)
        self.difference = nn.Linear(ENVELOPE_BANDS, width) if config.follows_source else None
        if self.difference is not None:
            nn.init.zeros_(self.difference.weight)
            nn.init.zeros_(self.difference.bias)
        self.missing_timbre = nn.Parameter(torch.zeros(TIMBRE_DIM))
        self.missing_speaker = nn.Parameter(torch.zeros(SPEAKER_DIM))
        self.missing_envelope = nn.Parameter(torch.zeros(ENVELOPE_BANDS))
        self.voice = nn.Sequential(
            nn.Linear(TIMBRE_DIM + SPEAKER_DIM + ENVELOPE_BANDS, 2 * config.condition),
            nn.SiLU(),
            nn.Linear(2 * config.condition, config.condition),
            nn.SiLU(),
        )
        ahead = [config.look_ahead] * (config.blocks - 1) + [0]
        self.blocks = nn.ModuleList(Block(config, frames) for frames in ahead)
        self.norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.modulation = nn.Linear(config.condition, 2 * width)
        self.head = nn.Linear(width, 5 * bins)
        self.base = nn.Linear(width, 2)
        self.level = nn.Parameter(torch.tensor([0.5, 0.5, 0.5]))
        nn.init.normal_(self.head.weight, 0.0, 0.01)
        start = torch.tensor([-6.0, 0.0, -8.0, -10.0, 0.0])
        self.head.bias = nn.Parameter(start.repeat_interleave(bins))
        nn.init.zeros_(self.base.weight)
        nn.init.constant_(self.base.bias, 0.5)
        self.register_buffer("spread", torch.from_numpy(_spread_matrix()), persistent=False)

    @property
    def follows_source(self) -> bool:
        """Whether it takes the envelopes of the recording that is converted."""
        return self.config.follows_source

    @property
    def look_ahead(self) -> float:
        """Seconds of input after a sample that it depends on."""
        frames = self.config.look_ahead * (self.config.blocks - 1)
        return (frames * HOP_LENGTH + N_FFT // 2 + HOP_LENGTH // 2) / SAMPLE_RATE

    def condition(self, voice: DecoderVoice) -> Tensor:
        """The numbers that describe a voice to the blocks ``[B, condition]``."""
        timbre = voice.timbre if voice.timbre.shape[-1] == TIMBRE_DIM else voice.timbre[:, :TIMBRE_DIM]
        timbre = torch.where(timbre.isnan(), self.missing_timbre, timbre)
        # an embedding has length 1: its numbers are small
        speaker = torch.where(voice.speaker.isnan(), self.missing_speaker, voice.speaker * SPEAKER_DIM**0.5)
        if voice.reference is None:
            mean = self.missing_envelope.expand(len(timbre), -1)
        else:
            mask = voice.reference.mask[..., None]
            total = (voice.reference.envelope * mask).sum(1) / mask.sum(1).clamp(min=1)
            mean = torch.where(mask.any(1), total, self.missing_envelope)
        return self.voice(torch.cat([timbre, speaker, mean], -1))

    def gains(
        self, content: Tensor, f0: Tensor, energy: Tensor, voice: DecoderVoice, source: SourceEnvelopes | None = None,
        dtype: torch.dtype | None = None,
    ) -> Gains:  # fmt: skip
        """The network alone.

        Args:
            content: ``[B, 512, T]`` at 40 Hz.
            f0: Hz ``[B, 2T]``, about 0 where unvoiced.
            energy: N ``[B, 2T]``.
            voice: whose voice to speak in.
            source: the recording that is converted; it needs a voice with a reference, and counts only with a network
                that follows it.
            dtype: number format of the blocks.
        """
        condition = self.condition(voice)
        x, base = self.embed(content, f0, energy, voice, source)
        x = self.through(x.transpose(1, 2), condition, dtype)
        return self.heads(x.transpose(1, 2), base, energy, condition)

    def embed(
        self, content: Tensor, f0: Tensor, energy: Tensor, voice: DecoderVoice, source: SourceEnvelopes | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """What the blocks begin with ``[B, 2T, width]``, each frame by itself, and the log gains ``[B, 2T, 601]`` of
        the reference's frames; None without one. Arguments are those of ``gains``."""
        columns = content.transpose(1, 2)
        x = self.content(columns).unflatten(-1, (FRAMES_PER_UNIT, -1)).flatten(1, 2)
        voiced = (f0 > VOICED_HZ).to(x)
        pitch = (f0.clamp(min=VOICED_HZ) / 200).log() * voiced
        x = x + self.curves(torch.stack([pitch, voiced, energy / 4], -1))
        if voice.reference is None:
            return x, None
        features, envelope = self.attention(columns, voice.reference)
        base = (envelope @ self.spread).repeat_interleave(FRAMES_PER_UNIT, 1)
        x = x + features.repeat_interleave(FRAMES_PER_UNIT, 1)
        if source is None or self.difference is None:
            return x, base
        usual = self.attention.usual(columns, source.frames).repeat_interleave(FRAMES_PER_UNIT, 1)
        has_frames = source.frames.mask.any(-1) & voice.reference.mask.any(-1)
        difference = (source.envelope - usual) * has_frames[:, None, None]
        return x + self.difference(difference) * has_frames[:, None, None], base + difference @ self.spread

    def through(
        self, x: Tensor, condition: Tensor, dtype: torch.dtype | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """The blocks ``[B, width, F]``, in a number format; their sum keeps its own. ``mask [B, 1, F]`` is 0 or 1."""
        with nullcontext() if dtype is None else precision.autocast(x.device, dtype):
            for block in self.blocks:
                x = block(x, condition) if mask is None else block(x, condition) * mask
        return x

    def heads(self, x: Tensor, base: Tensor | None, energy: Tensor, condition: Tensor) -> Gains:
        """Gains of what the blocks end with ``[B, F, width]``, each frame by itself."""
        scale, shift = self.modulation(condition)[:, None].chunk(2, -1)
        x = self.norm(x) * (1 + scale) + shift
        harmonic, phase, noise, residual, residual_phase = self.head(x).chunk(5, -1)
        if base is not None:
            share = self.base(x)
            harmonic, noise = harmonic + share[..., :1] * base, noise + share[..., 1:] * base
        level = energy[..., None] * self.level
        harmonic, noise, residual = (
            (gain + level[..., k : k + 1]).clamp(max=LOUDEST) for k, gain in enumerate((harmonic, noise, residual))
        )
        return Gains(harmonic, phase, noise, residual, residual_phase)

    def forward(
        self,
        content: Tensor,
        f0: Tensor,
        energy: Tensor,
        voice: DecoderVoice,
        seed: int = 0,
        source: SourceEnvelopes | None = None,
    ) -> Tensor:
        """Waveform ``[B, 600 * T]`` of content ``[B, 512, T]``, ``f0`` and ``energy [B, 2T]``, a voice, and what the
        recording that is converted sounds like.

        Raises:
            UserError: the voice is adapted, to another decoder.
        """
        if voice.adaptation is not None:
            weights = adapted_weights(self, self.digest, voice.adaptation)
            wave: Tensor = functional_call(self, weights, (content, f0, energy, adapted_voice(voice), seed, source))
            return wave
        # melody, gains and phases need float32, and a Fourier transform knows no other
        with precision.autocast(content.device, torch.float32):
            return sound(self.gains(content, f0, energy, voice, source, blocks_dtype(content)), f0, seed)

    def adapted(self, voice: DecoderVoice) -> "tuple[FastDecoder, DecoderVoice]":
        """A decoder and a voice without adaptation that make the same of it; these ones where there is none.

        Raises:
            UserError: the voice is adapted, to another decoder.
        """
        if voice.adaptation is None:
            return self, voice
        decoder = copy.deepcopy(self)
        weights = adapted_weights(self, self.digest, voice.adaptation)
        decoder.load_state_dict(weights, strict=False)
        return decoder, adapted_voice(voice)

    @cached_property
    def digest(self) -> str:
        """A sum of the weights, of their values in fp16 as files have them."""
        total = hashlib.sha256()
        for name, value in sorted(self.state_dict().items()):
            total.update(name.encode() + value.half().cpu().numpy().tobytes())
        return total.hexdigest()[:16]

    def save(self, path: Path, **metadata: str) -> None:
        """Write the weights as fp16 safetensors; an old file stays until the new is whole."""
        state = {name: value.half().cpu().contiguous() for name, value in self.state_dict().items()}
        with replacing(path) as temporary:
            save_file(state, temporary, {"config": json.dumps(asdict(self.config))} | metadata)

    @classmethod
    def load(cls, path: str | Path) -> "FastDecoder":
        """The decoder of a file written by ``save``.

        Raises:
            UserError: no such file, or not a fast decoder.
        """
        with reading_model(Path(path), "fast decoder", "nuanced-speech train decoder") as file:
            decoder = cls(FastDecoderConfig(**file.config()))
            decoder.load_state_dict(file.floats())
        return decoder.eval().requires_grad_(False)


def blocks_dtype(content: Tensor) -> torch.dtype:
    """Number format of the blocks; a voice is fitted in float32."""
    return torch.float32 if torch.is_grad_enabled() else precision.sound_dtype(content.device)


def sound(gains: Gains, f0: Tensor, seed: int = 0) -> Tensor:
    """Waveforms ``[B, 300 * F]`` in float32 of what the network says, with ``f0 [B, F]`` in Hz."""
    full = Gains(*(getattr(gains, field.name).float() for field in fields(gains)))
    return synthesize(*spectrum(full, source_spectra(torch.where(f0 > VOICED_HZ, f0, 0.0), seed)))


def spectrum(gains: Gains, sources: SourceSpectra) -> tuple[Tensor, Tensor]:
    """Real and imaginary part ``[B, F, 601]`` of the sound's spectrum."""
    harmonic, noise, residual = gains.harmonic.exp(), gains.noise.exp(), gains.residual.exp()
    cosine, sine = harmonic * gains.phase.cos(), harmonic * gains.phase.sin()
    pulses, hiss = sources.pulses, sources.noise
    real = cosine * pulses.real - sine * pulses.imag + noise * hiss.real + residual * gains.residual_phase.cos()
    imag = cosine * pulses.imag + sine * pulses.real + noise * hiss.imag + residual * gains.residual_phase.sin()
    return real, imag


def _spread_matrix() -> np.ndarray:
    """What each band of an envelope adds to each bin of a spectrum ``[64, 601]``: linear between the bands' centres,
    and falling to nothing above the highest."""
    centres = envelope_hz()
    frequencies = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)
    rows = [np.interp(frequencies, centres, row, right=0.0) for row in np.eye(ENVELOPE_BANDS)]
    return np.stack(rows).astype(np.float32)
