"""Whisper's encoder over a stream: what was encoded stays as keys and values, and only the newest frames are computed.

A frame attends to all kept frames before it and to those after it that have come in. Whisper's own encoder sees a whole
clip; encoding a window for each block instead takes longer and knows less of what was before.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.models.whisper import HOP, WhisperModel

_N_FFT, _HOP, _FLOOR, _RANGE = 400, 160, 1e-10, 8.0
# Frames before the new ones that the convolutions at the encoder's beginning, and the spectra, are given too.
_LEAD = 8


@dataclass(frozen=True)
class StreamConfig:
    """What is kept, and what is computed again.

    Attributes:
        again: newest settled frames of 20 ms that are computed again, since more is known of what follows.
        past: frames before them that are attended to.
        first: position of the first frame, after which Whisper takes what came before for silence.
    """

    again: int = 10
    past: int = 300
    first: int = 25


class WhisperStream:
    """Features of a stretch of speech while it comes in. For one thread at a time.

    Args:
        whisper: model.
        layer: block, from 1, whose output is wanted.
        config: what is kept.
    """

    def __init__(self, whisper: WhisperModel, layer: int, config: StreamConfig = StreamConfig()) -> None:
        self.whisper, self.layer, self.config = whisper, layer, config
        self._next = self._kept_from = 0  # first frame that is not settled, and first that is kept
        self._position = config.first  # of the next frame, in Whisper's clip
        self._keys_values: list[tuple[Tensor, Tensor] | None] = []
        self._kept = torch.zeros(0)
        self._loudest = -np.inf
        self._restart(0)

    @torch.no_grad()
    def __call__(self, wave: np.ndarray, start: int, settled: int) -> Tensor:
        """Features ``[ceil(T / 320), width]`` of a window of the stretch.

        Args:
            wave: the window ``[T]`` at 16 kHz, always from an earlier or the same place to a later one than the last.
            start: its first frame of 20 ms, counted from the beginning of the stretch.
            settled: frame, counted so too, before which nothing will be asked for anew.
        """
        stop = start + -(-len(wave) // HOP)
        positions = self.whisper.model.encoder.positional_embedding
        # a gap, or no positions left
        if start > self._next or self._position + stop - self._next > len(positions):
            self._restart(start)
        lead = min(self._next - start, _LEAD)
        sound = wave[(self._next - lead - start) * HOP :]
        x = self._stem(np.pad(sound, (0, -len(sound) % HOP)))[:, lead:]
        x = x + positions[self._position : self._position + x.shape[1]]
        count = min(max(settled - self.config.again - self._next, 0), x.shape[1])
        for number in range(self.layer):
            x = self._block(number, x, count)
        features = torch.cat([self._kept[start - self._kept_from :], x[0]])
        self._kept, self._kept_from = features[: len(features) - x.shape[1] + count], start
        self._next, self._position = self._next + count, self._position + count
        return features

    def _restart(self, start: int) -> None:
        """Forget everything; the next frame is number ``start``."""
        self._next = self._kept_from = start
        self._position = self.config.first
        self._keys_values = [None] * self.layer
        self._kept = torch.zeros(0, self.whisper.width, device=self.whisper.device)
        self._loudest = -np.inf

    def _stem(self, wave: np.ndarray) -> Tensor:
        """The encoder up to its blocks ``[1, frames, width]``; the loudest moment of the stretch is the scale's top."""
        from whisper.audio import mel_filters

        encoder, device = self.whisper.model.encoder, self.whisper.device
        window = torch.hann_window(_N_FFT, device=device)
        samples = torch.from_numpy(np.ascontiguousarray(wave, np.float32)).to(device)
        power = torch.stft(samples, _N_FFT, _HOP, window=window, return_complex=True)[..., :-1].abs() ** 2
        mel = (mel_filters(device, self.whisper.model.dims.n_mels) @ power).clamp(min=_FLOOR).log10()
        self._loudest = max(self._loudest, float(mel.max()))
        mel = (mel.clamp(min=self._loudest - _RANGE) + 4.0) / 4.0
        x = F.gelu(encoder.conv1(mel[None]))
        return F.gelu(encoder.conv2(x)).transpose(1, 2)

    def _block(self, number: int, x: Tensor, count: int) -> Tensor:
        """One block for the newest frames, of which the first ``count`` are kept as keys and values."""
        block = self.whisper.model.encoder.blocks[number]
        y, heads, kept = block.attn_ln(x), block.attn.n_head, self._keys_values[number]
        key, value = block.attn.key(y), block.attn.value(y)
        before = 0 if kept is None else kept[0].shape[1]
        if kept is not None:
            key, value = torch.cat([kept[0], key], 1), torch.cat([kept[1], value], 1)
        columns = (z.unflatten(-1, (heads, -1)).transpose(1, 2) for z in (block.attn.query(y), key, value))
        attended = F.scaled_dot_product_attention(*columns).transpose(1, 2).flatten(2)
        first = max(before + count - self.config.past, 0)
        self._keys_values[number] = key[:, first : before + count], value[:, first : before + count]
        x = x + block.attn.out(attended)
        return x + block.mlp(block.mlp_ln(x))
