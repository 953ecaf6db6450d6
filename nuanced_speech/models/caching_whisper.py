"""Whisper with an encoder that keeps its last output, and that tells how far a transcription is.

Transcription encodes the same 30 s for their language, for their words and for the times of these.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from torch import Tensor
from whisper.decoding import DecodingOptions, DecodingResult
from whisper.model import AudioEncoder, ModelDimensions, Whisper

WINDOW_SECONDS, SECONDS_PER_TOKEN = 30.0, 0.02
# From these values on, whisper.transcribe takes a window as silent.
_SILENT, _UNSURE = 0.6, -1.0


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
    """Whisper with a ``CachingEncoder``.

    Attributes:
        advanced: called with the seconds by which each window brings a transcription forward; None for nobody.
    """

    advanced: Callable[[float], None] | None = None

    def __init__(self, dims: ModelDimensions) -> None:
        super().__init__(dims)
        self.encoder = CachingEncoder(
            dims.n_mels, dims.n_audio_ctx, dims.n_audio_state, dims.n_audio_head, dims.n_audio_layer
        )

    def decode(self, mel: Tensor, options: DecodingOptions = DecodingOptions(), **kwargs: Any) -> Any:
        """As ``Whisper.decode``."""
        result = super().decode(mel, options, **kwargs)
        if self.advanced is not None:
            self.advanced(seconds_of(result, self._first_time))
        return result

    @property
    def _first_time(self) -> int:
        from whisper.tokenizer import get_tokenizer

        return int(get_tokenizer(self.is_multilingual, num_languages=self.num_languages).timestamp_begin)


def seconds_of(result: DecodingResult, first_time: int) -> float:
    """By how much ``whisper.transcribe`` goes on after the result of a window: to its last sentence that is whole, or
    by all of it. Word times can make it a little less.

    Args:
        result: tokens and how sure Whisper is of them.
        first_time: the token that stands for 0 s; those after it are 20 ms apart.
    """
    silent = result.no_speech_prob > _SILENT and result.avg_logprob <= _UNSURE
    times = [token >= first_time for token in result.tokens]
    ends = [number for number, pair in enumerate(pairwise(times)) if all(pair)]
    if silent or not ends or times[-2:] == [False, True]:
        return WINDOW_SECONDS
    return (result.tokens[ends[-1]] - first_time) * SECONDS_PER_TOKEN
