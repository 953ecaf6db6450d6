"""Decoders that are given a stream block by block; all pieces together are as long as all blocks."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.audio.fades import crossfade
from nuanced_speech.core.constants import FRAMES_PER_UNIT, SAMPLES_PER_UNIT
from nuanced_speech.models.decoder_voice import DecoderVoice, SourceEnvelopes
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.fast_decoder_stream import FastDecoderStream
from nuanced_speech.models.kokoro import Kokoro


class BlockDecoder(Protocol):
    """Decodes a stream in one voice."""

    @property
    def follows_source(self) -> bool:
        """Whether it takes what the source sounds like."""
        ...

    def __call__(
        self, content: Tensor, f0: np.ndarray, energy: np.ndarray, source: SourceEnvelopes | None = None
    ) -> np.ndarray:
        """The sound ``[samples]`` that the next block determines: content ``[1, 512, T]``, Hz and N ``[2T]``, and what
        the source sounds like, for decoders that follow it."""
        ...

    def finish(self) -> np.ndarray:
        """The rest of the sound."""
        ...


class FastBlocks:
    """The fast decoder, which carries its state from block to block.

    Args:
        decoder: network.
        voice: a single one.
        seed: of the noise.
    """

    def __init__(self, decoder: FastDecoder, voice: DecoderVoice, seed: int = 0) -> None:
        self._stream = FastDecoderStream(decoder, voice, seed)
        self.follows_source = decoder.follows_source and voice.reference is not None
        self._state = self._stream.start()

    def __call__(
        self, content: Tensor, f0: np.ndarray, energy: np.ndarray, source: SourceEnvelopes | None = None
    ) -> np.ndarray:
        melody, level = (torch.from_numpy(np.asarray(x, np.float32))[None] for x in (f0, energy))
        self._state, wave = self._stream(self._state, content, melody, level, source)
        return wave.numpy()

    def finish(self) -> np.ndarray:
        return self._stream.finish(self._state).numpy()


class KokoroBlocks:
    """Kokoro's decoder, which is given some of the past with each block; the blocks' sounds are joined where they are
    most alike (SOLA, Roucos and Wilgus 1985), since their harmonics begin anew each time.

    Args:
        kokoro: synthesizer.
        timbre: decoder's part of a style, ``[128 + K]``.
        seed: of the harmonic source.
        past_units: units of the past.
        overlap, search: samples of a crossfade, and by how many it may move.
    """

    follows_source = False

    def __init__(
        self,
        kokoro: Kokoro,
        timbre: Tensor,
        seed: int = 0,
        past_units: int = 16,
        overlap: int = 720,
        search: int = 240,
    ) -> None:
        self.kokoro, self.timbre, self.seed = kokoro, timbre, seed
        self.past_units, self.overlap, self.search = past_units, overlap, search
        self._past: tuple[Tensor, np.ndarray, np.ndarray] | None = None
        self._rest = np.zeros(0, np.float32)

    @torch.no_grad()
    def __call__(
        self, content: Tensor, f0: np.ndarray, energy: np.ndarray, source: SourceEnvelopes | None = None
    ) -> np.ndarray:
        if self._past is not None:
            content = torch.cat([self._past[0], content], -1)
            f0, energy = (np.concatenate(pair) for pair in zip(self._past[1:], (f0, energy), strict=True))
        melody, level = (torch.from_numpy(np.asarray(x, np.float32))[None].to(content.device) for x in (f0, energy))
        wave = self.kokoro.decode(content, melody, level, self.timbre[None], seed=self.seed)[0].cpu().numpy()
        old = 0 if self._past is None else self._past[0].shape[-1] * SAMPLES_PER_UNIT
        frames = self.past_units * FRAMES_PER_UNIT
        self._past = content[..., -self.past_units :], f0[-frames:], energy[-frames:]
        kept = self.overlap + self.search
        if not len(self._rest):
            self._rest = wave[len(wave) - kept :]
            return wave[: len(wave) - kept]
        length = len(wave) - old
        begin = old - kept + self._shift(wave, old - kept)
        piece = wave[begin : begin + length].copy()
        piece[: self.overlap] = crossfade(self._rest[: self.overlap], piece[: self.overlap])
        self._rest = np.pad(wave[begin + length :], (0, kept))[:kept]
        return piece

    def finish(self) -> np.ndarray:
        rest, self._rest, self._past = self._rest, np.zeros(0, np.float32), None
        return rest

    def _shift(self, wave: np.ndarray, begin: int) -> int:
        """Samples, ``-search`` to ``search``, by which the new sound is most like the one it goes on from."""
        tail, first = self._rest[: self.overlap], max(begin - self.search, 0)
        candidates = np.lib.stride_tricks.sliding_window_view(
            wave[first : begin + self.search + self.overlap], self.overlap
        )
        alike = candidates @ tail / (np.linalg.norm(candidates, axis=1) + 1e-6)
        return first + int(alike.argmax()) - begin
