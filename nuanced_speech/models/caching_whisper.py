"""Whisper with an encoder that keeps its last output.

Transcription encodes the same 30 s for their language, for their words and for the times of these.
"""

from torch import Tensor
from whisper.model import AudioEncoder, ModelDimensions, Whisper


class CachingEncoder(AudioEncoder):
    """The audio encoder, which keeps its last input and output until ``clear_cache``. Not for several threads."""

    last: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """As ``AudioEncoder.forward``: ``[B, n_mels, frames]`` to ``[B, frames / 2, width]``."""
        if self.last is None or not self.last[0].equal(x):
            self.last = x.clone(), super().forward(x)
        return self.last[1]

    def clear_cache(self) -> None:
        """Free what is kept."""
        self.last = None


class CachingWhisper(Whisper):
    """Whisper with a ``CachingEncoder``."""

    def __init__(self, dims: ModelDimensions) -> None:
        super().__init__(dims)
        self.encoder = CachingEncoder(
            dims.n_mels, dims.n_audio_ctx, dims.n_audio_state, dims.n_audio_head, dims.n_audio_layer
        )
