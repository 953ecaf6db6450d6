"""Whose voice a decoder speaks in: a timbre, a speaker embedding, and frames of recordings of the speaker."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.core.constants import ENVELOPE_BANDS, SAMPLE_RATE, SAMPLES_PER_UNIT, SPEAKER_DIM
from nuanced_speech.dsp.harmonic_synthesis import N_FFT
from nuanced_speech.dsp.mel import hertz_to_mel, mel_filters, mel_to_hertz
from nuanced_speech.voice.adaptation import DecoderAdaptation
from nuanced_speech.voice.frames import VoiceFrames
from nuanced_speech.voice.voice import Voice

ENVELOPE_HZ = 8000.0
"""Upper edge of an envelope's bands: recordings at 16 kHz say nothing above it."""
ENVELOPE_FLOOR = 1e-4


@dataclass(frozen=True)
class Reference:
    """Frames of a recording of the speaker, of ``R`` units of 25 ms.

    Attributes:
        content: text features ``[B, R, 512]``.
        envelope: spectral envelopes as ``envelopes`` gives them ``[B, R, 64]``.
        mask: True where a frame counts ``[B, R]``; an item without any has no reference.
    """

    content: Tensor
    envelope: Tensor
    mask: Tensor

    @classmethod
    def joined(cls, parts: "Sequence[Reference]") -> "Reference":
        """The frames of one or several references one after another."""
        columns = zip(*((part.content, part.envelope, part.mask) for part in parts), strict=True)
        return cls(*(torch.cat(column, 1) for column in columns))

    @classmethod
    def of_voice(cls, frames: VoiceFrames, device: torch.device) -> "Reference":
        """What a voice keeps of recordings, as a batch of one."""
        content, envelope = (x.float().to(device)[None] for x in (frames.content, frames.envelope))
        return cls(content, envelope, torch.ones(content.shape[:2], dtype=torch.bool, device=device))

    def to(self, device: torch.device) -> "Reference":
        """The frames on a device."""
        return Reference(self.content.to(device), self.envelope.to(device), self.mask.to(device))

    def cut(self, start: int, end: int) -> "Reference":
        """The frames from ``start`` to before ``end``, or those that there are."""
        return Reference(self.content[:, start:end], self.envelope[:, start:end], self.mask[:, start:end])


@dataclass(frozen=True)
class SourceEnvelopes:
    """What the recording that is converted sounds like, for decoders that follow it.

    Attributes:
        envelope: spectral envelopes of each frame of the input ``[B, 2T, 64]``, as ``envelopes`` gives them with a hop
            of 300 samples.
        frames: frames of the recording's speaker, by which a decoder knows how this voice differs from the wanted one;
            an item without any has no source.
    """

    envelope: Tensor
    frames: Reference


@dataclass(frozen=True)
class DecoderVoice:
    """Whose voice to speak in; an item whose numbers are NaN has none of that kind.

    Attributes:
        timbre: ``[B, 128]``, or ``[B, 128 + K]`` with an extension, which Kokoro's decoder alone takes.
        speaker: speaker embedding ``[B, 256]``.
        reference: frames of recordings of the speaker.
        adaptation: what recordings of the speaker changed in the fast decoder; its speaker input counts then.
    """

    timbre: Tensor
    speaker: Tensor
    reference: Reference | None = None
    adaptation: DecoderAdaptation | None = None

    @classmethod
    def of_voice(cls, timbre: Tensor, voice: Voice) -> "DecoderVoice":
        """A voice's timbre ``[128]`` at some length of text, and what it has for a fast decoder."""
        if voice.frames is None:
            return cls.single(timbre, adaptation=voice.adaptation)
        reference = Reference.of_voice(voice.frames, timbre.device)
        return cls.single(timbre, voice.frames.speaker, reference, voice.adaptation)

    @classmethod
    def single(
        cls,
        timbre: Tensor,
        speaker: Tensor | None = None,
        reference: Reference | None = None,
        adaptation: DecoderAdaptation | None = None,
    ) -> "DecoderVoice":
        """One voice: timbre ``[128]`` or ``[128 + K]``, and a speaker embedding ``[256]`` if it is known."""
        unknown = timbre.new_full((SPEAKER_DIM,), torch.nan)
        return cls(timbre[None], (unknown if speaker is None else speaker.to(timbre))[None], reference, adaptation)


def envelope_hz() -> np.ndarray:
    """The middle of each band of an envelope ``[64]``, evenly spaced on the mel scale."""
    mels = np.linspace(hertz_to_mel(0.0, "slaney"), hertz_to_mel(ENVELOPE_HZ, "slaney"), ENVELOPE_BANDS + 2)
    return mel_to_hertz(mels[1:-1], "slaney")


def envelopes(wave: Tensor, hop: int = SAMPLES_PER_UNIT) -> Tensor:
    """Spectral envelopes of ``wave [B, hop * F]`` at 24 kHz: log mel magnitudes up to 8 kHz less their mean over the
    bands ``[B, F, 64]``, by default a frame for each unit of 25 ms."""
    bank = torch.tensor(
        mel_filters(N_FFT, ENVELOPE_BANDS, SAMPLE_RATE, high_hz=ENVELOPE_HZ, norm="peak"), device=wave.device
    )
    padded = F.pad(wave, ((N_FFT - hop) // 2,) * 2)
    frames = padded.unfold(-1, N_FFT, hop) * torch.hann_window(N_FFT, device=wave.device)
    spectrum = torch.fft.rfft(frames)
    mel = (spectrum.abs() @ bank.T / bank.sum(1)).clamp(min=ENVELOPE_FLOOR).log()
    return mel - mel.mean(-1, keepdim=True)
