"""Whisper with an encoder that does not compute again what it computed last.

Transcription encodes the same 30 s for their language, for their words and for the times of these.
"""

from torch import Tensor
from whisper.model import AudioEncoder, ModelDimensions, Whisper


class RememberingEncoder(AudioEncoder):
    """The audio encoder, which keeps its last input and output until ``forget`` is called. Not for several threads."""

    last: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """As ``AudioEncoder.forward``: ``[B, n_mels, frames]`` to ``[B, frames / 2, width]``."""
        if self.last is None or not self.last[0].equal(x):
            self.last = x.clone(), super().forward(x)
        return self.last[1]

    def forget(self) -> None:
        """Free what is kept."""
        self.last = None


class RememberingWhisper(Whisper):
    """Whisper with a ``RememberingEncoder``."""

    def __init__(self, dims: ModelDimensions) -> None:
        super().__init__(dims)
        self.encoder = RememberingEncoder(
            dims.n_mels, dims.n_audio_ctx, dims.n_audio_state, dims.n_audio_head, dims.n_audio_layer
        )
