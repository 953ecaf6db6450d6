"""The parts of a text-free conversion as modules that can be traced: tensors in, tensors out, one clip at a time.

Fourier transforms stay outside, since every platform has a fast one; so does the search for a path through the pitch
scores. All else is inside, constants included, so that whoever runs the graphs needs few formulas.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nuanced_speech.core.constants import ENVELOPE_BANDS, FEATURE_FRAMES_PER_UNIT, SAMPLE_RATE
from nuanced_speech.dsp import harmonic_synthesis
from nuanced_speech.dsp.energy import FLOOR, MEL_BANK_RATE, N_FFT, N_MELS
from nuanced_speech.dsp.harmonic_synthesis import SourceSpectra
from nuanced_speech.dsp.mel import mel_filters
from nuanced_speech.dsp.swift_f0 import PitchNet
from nuanced_speech.models.content_adapter import ContentAdapter
from nuanced_speech.models.decoder_voice import ENVELOPE_FLOOR, ENVELOPE_HZ, DecoderVoice, Reference, SourceEnvelopes
from nuanced_speech.models.fast_decoder import FastDecoder, spectrum
from nuanced_speech.models.kokoro import Kokoro


class EncoderGraph(nn.Module):
    """Power spectra to features of Whisper's encoder, up to the layer that the adapter reads.

    Args:
        model: a network of openai-whisper.
        layer: the block, from 1, whose output is wanted.
    """

    filters: Tensor

    def __init__(self, model: Any, layer: int) -> None:
        super().__init__()
        from whisper.audio import mel_filters as whisper_filters

        self.encoder, self.blocks = model.encoder, model.encoder.blocks[:layer]
        self.register_buffer("filters", whisper_filters("cpu", model.dims.n_mels).float())

    def forward(self, power: Tensor) -> Tensor:
        """Features ``[1, F, D]`` at 50 Hz of ``power [1, 201, 2F]`` at 100 Hz (n_fft 400, hop 160, at 16 kHz)."""
        mel = (self.filters @ power).clamp(min=1e-10).log10()
        mel = (torch.maximum(mel, mel.amax() - 8.0) + 4.0) / 4.0
        x = F.gelu(self.encoder.conv1(mel))
        x = F.gelu(self.encoder.conv2(x)).transpose(1, 2)
        x = x + self.encoder.positional_embedding[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
        return x


class ContentGraph(nn.Module):
    """Features to text features and to phoneme probabilities: ``ContentAdapter`` for one clip without padding."""

    def __init__(self, adapter: ContentAdapter) -> None:
        super().__init__()
        self.adapter: Any = adapter

    def forward(self, features: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
        """Content and log probabilities of the phoneme symbols.

        Args:
            features: ``[1, ceil(1.25 * T), D]`` at 50 Hz.
            units: T, int64 ``[1]``.

        Returns:
            content ``[1, 512, T]``, and log probabilities ``[1, T, 178]``.
        """
        adapter, x = self.adapter, features
        # an int to the type checker, a tensor where the graph is traced, so that any length fits
        count: Any = units[0]
        for tuned in adapter.tuned:
            y = tuned.attn_ln(x)
            x = x + tuned.attn(y, tuned.attn.keys_values(y), None)
            x = x + tuned.mlp(tuned.mlp_ln(x))
        x = torch.cat([norm(y) for norm, y in zip(adapter.norms, (features, x), strict=True)], -1)
        last = features.shape[1] - 1
        place = (torch.arange(count) + 0.5) * FEATURE_FRAMES_PER_UNIT
        place = torch.minimum(place, torch.as_tensor(last).float())
        left = place.floor().long()
        right = torch.minimum(left + 1, torch.as_tensor(last))
        part = (place - left)[None, :, None]
        x = x.index_select(1, left) * (1 - part) + x.index_select(1, right) * part
        x = adapter.input(x.transpose(1, 2))
        for block in adapter.blocks:
            y = block.norm(block.depthwise(x).transpose(1, 2))
            x = x + (block.project(F.gelu(block.expand(y))) * block.scale).transpose(1, 2)
        x = adapter.output_norm(x.transpose(1, 2))
        content = adapter.content(x).transpose(1, 2) * adapter.content_std[:, None] + adapter.content_mean[:, None]
        return content, adapter.symbols(x).log_softmax(-1)


class PhonemeGraph(nn.Module):
    """Kokoro's text encoder: token ids ``[1, P]`` to text features ``[1, 512, P]``, one string without padding."""

    def __init__(self, kokoro: Kokoro) -> None:
        super().__init__()
        self.text_encoder: Any = kokoro.model.text_encoder

    def forward(self, ids: Tensor) -> Tensor:
        x = self.text_encoder.embedding(ids).transpose(1, 2)
        for layer in self.text_encoder.cnn:
            x = layer(x)
        return self.text_encoder.lstm(x.transpose(1, 2))[0].transpose(1, 2)


class PitchGraph(nn.Module):
    """Magnitude spectra to pitch scores ``[F, 95]`` and voicing ``[F]``: SwiftF0."""

    def __init__(self, net: PitchNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, middle: Tensor, long: Tensor, short: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of ``[513, F]``, ``[1025, F]`` and ``[257, F]``: n_fft 1024, 2048 and 512, hop 256, at 16 kHz."""
        return self.net([middle, long, short])


class EnergyGraph(nn.Module):
    """Power spectra to N: ``[1, 1025, F]`` (n_fft 2048, window 1200, hop 300, at 24 kHz) to ``[1, F]``."""

    bank: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bank", torch.tensor(mel_filters(N_FFT, N_MELS, MEL_BANK_RATE, scale="htk", norm="peak")))

    def forward(self, power: Tensor) -> Tensor:
        return (FLOOR + self.bank @ power).square().sum(1).sqrt().log()


class EnvelopeGraph(nn.Module):
    """Power spectra to spectral envelopes, as ``decoder_voice.envelopes``: ``[1, 601, F]`` (n_fft and window 1200, at
    24 kHz) to ``[1, F, 64]``."""

    bank: Tensor

    def __init__(self) -> None:
        super().__init__()
        size = harmonic_synthesis.N_FFT
        bank = torch.tensor(mel_filters(size, ENVELOPE_BANDS, SAMPLE_RATE, high_hz=ENVELOPE_HZ, norm="peak"))
        self.register_buffer("bank", bank.T / bank.sum(1))

    def forward(self, power: Tensor) -> Tensor:
        mel = (power.sqrt().transpose(1, 2) @ self.bank).clamp(min=ENVELOPE_FLOOR).log()
        return mel - mel.mean(-1, keepdim=True)


class DecoderGraph(nn.Module):
    """The fast decoder up to the spectrum that one inverse transform makes sound of."""

    def __init__(self, decoder: FastDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self,
        content: Tensor,
        f0: Tensor,
        energy: Tensor,
        timbre: Tensor,
        speaker: Tensor,
        pulses_real: Tensor,
        pulses_imag: Tensor,
        noise_real: Tensor,
        noise_imag: Tensor,
        voice_content: Tensor,
        voice_envelope: Tensor,
        voice_known: Tensor,
        source: Tensor,
        source_content: Tensor,
        source_envelope: Tensor,
        source_known: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Real and imaginary part ``[1, 2T, 601]``.

        Args:
            content: ``[1, 512, T]``.
            f0: Hz ``[1, 2T]``, 0 where unvoiced.
            energy: N ``[1, 2T]``.
            timbre, speaker: of the voice, ``[1, 128]`` and ``[1, 256]``; NaN where it has none.
            pulses_real, pulses_imag: spectra of the pulse train that follows ``f0``, ``[1, 2T, 601]``.
            noise_real, noise_imag: those of white noise.
            voice_content, voice_envelope: frames of the voice's recordings, ``[1, R, 512]`` and ``[1, R, 64]``.
            voice_known: ``[1]``, 1 where the voice has frames; 0 where it has none, and one frame of zeros stands here.
            source: envelopes of the recording that is converted ``[1, 2T, 64]``; zeros where it is not followed.
            source_content, source_envelope, source_known: frames of its speaker, as those of the voice.
        """
        reference = _frames(voice_content, voice_envelope, voice_known)
        followed = SourceEnvelopes(source, _frames(source_content, source_envelope, source_known))
        gains = self.decoder.gains(content, f0, energy, DecoderVoice(timbre, speaker, reference), followed)
        # complex numbers in name only: nothing but their parts is traced
        sources = SourceSpectra(_Parts(pulses_real, pulses_imag), _Parts(noise_real, noise_imag))  # type: ignore[arg-type]
        return spectrum(gains, sources)


def _frames(content: Tensor, envelope: Tensor, known: Tensor) -> Reference:
    return Reference(content, envelope, known[:, None] * torch.ones_like(envelope[..., 0]) > 0.5)


class _Parts:
    def __init__(self, real: Tensor, imag: Tensor) -> None:
        self.real, self.imag = real, imag
