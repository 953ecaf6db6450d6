"""The interface of every codec, and codecs by name."""

import hashlib
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import Progress
from nuanced_speech.tts.codec.encodec import EnCodec
from nuanced_speech.tts.codec.model import WEIGHTS, SpeechCodec

SHIPPED = "speech"
# Coded at once, and frames of context on both sides, so that seams are inaudible.
CHUNK_SECONDS, MARGIN_FRAMES = 30, 32


class AudioCodec(Protocol):
    """Waveform to codes and back.

    Attributes:
        sample_rate: Hz.
        hop_length: samples of a frame of codes.
        codebooks: their number.
        entries: of each codebook.
    """

    @property
    def sample_rate(self) -> int: ...
    @property
    def hop_length(self) -> int: ...
    @property
    def codebooks(self) -> int: ...
    @property
    def entries(self) -> int: ...

    def encode(self, wave: Tensor) -> Tensor:
        """Codes ``[B, K, ceil(T / hop_length)]`` of ``wave [B, T]``."""

    def decode(self, codes: Tensor) -> Tensor:
        """Waveform ``[B, F * hop_length]`` of codes ``[B, K, F]`` of the first K codebooks."""

    def codebook_vectors(self) -> Tensor:
        """The entries ``[K, N, D]``."""


def load(name: str = SHIPPED) -> AudioCodec:
    """A codec: ``speech`` is the shipped one, a ``.safetensors`` file one that ``tts codec train`` made, anything else
    an EnCodec model of the hub (``facebook/encodec_24khz``) or of a local folder.

    Raises:
        UserError: it cannot be loaded.
    """
    if name == SHIPPED or name.endswith(".safetensors"):
        return SpeechCodec.load(WEIGHTS if name == SHIPPED else Path(name))
    return EnCodec.load(name)


def fingerprint(codec: AudioCodec) -> str:
    """Digest of a codec's codebooks: only the codec that made codes can decode them."""
    return hashlib.sha256(codec.codebook_vectors().float().numpy().tobytes()).hexdigest()[:16]


def encode(
    codec: AudioCodec,
    wave: Tensor,
    chunk_seconds: float = CHUNK_SECONDS,
    progress: Progress = lambda share: None,
) -> Tensor:
    """Codes ``[K, F]`` of ``wave [T]`` of any length, chunk by chunk; ``progress`` is told the share that is done.

    Raises:
        UserError: no samples.
    """
    if len(wave) == 0:
        raise UserError("there are no samples to encode")
    hop = codec.hop_length
    size = max(int(chunk_seconds * codec.sample_rate) // hop, 1)
    codes, frames = [], -(-len(wave) // hop)
    for first in range(0, frames, size):
        before = min(MARGIN_FRAMES, first)
        chunk = wave[(first - before) * hop : (first + size + MARGIN_FRAMES) * hop]
        codes.append(codec.encode(chunk[None])[0, :, before : before + size])
        progress(min((first + size) / frames, 1.0))
    return torch.cat(codes, 1)


def decode(
    codec: AudioCodec,
    codes: Tensor,
    chunk_seconds: float = CHUNK_SECONDS,
    progress: Progress = lambda share: None,
) -> Tensor:
    """Waveform ``[F * hop_length]`` of codes ``[K, F]`` of any length, in chunks; ``progress`` as for ``encode``."""
    hop = codec.hop_length
    size = max(int(chunk_seconds * codec.sample_rate) // hop, 1)
    waves = []
    for first in range(0, codes.shape[1], size):
        before = min(MARGIN_FRAMES, first)
        chunk = codes[:, first - before : first + size + MARGIN_FRAMES]
        waves.append(codec.decode(chunk[None])[0, before * hop : (before + size) * hop])
        progress(min((first + size) / codes.shape[1], 1.0))
    return torch.cat(waves)
