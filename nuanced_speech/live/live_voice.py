"""The voice that a stream is decoded in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nuanced_speech.analysis.features import SegmentFeatures, mean_style
from nuanced_speech.analysis.recorded_voice import RecordedVoice
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.live.block_decoders import BlockDecoder, FastBlocks, KokoroBlocks
from nuanced_speech.models.decoder import Decoder
from nuanced_speech.models.decoder_voice import DecoderVoice
from nuanced_speech.models.fast_decoder import FastDecoder
from nuanced_speech.models.kokoro import Kokoro


@dataclass(frozen=True, eq=False)
class LiveVoice:
    """A voice for either decoder.

    Attributes:
        voice: what the decoder is given.
        log_f0: median of its melody, log2 Hz; NaN where the source's own melody stays.
        own: it is the source's own.
    """

    voice: DecoderVoice
    log_f0: float = float("nan")
    own: bool = False

    @classmethod
    def of_speech(cls, features: Sequence[SegmentFeatures]) -> "LiveVoice":
        """The speaker's own."""
        return cls(DecoderVoice.single(mean_style(features).decoder, *RecordedVoice(features).of()), own=True)

    def decoder(self, kokoro: Kokoro, decoder: Decoder, seed: int = 0) -> BlockDecoder:
        """What decodes a new stream in this voice."""
        if isinstance(decoder, FastDecoder):
            return FastBlocks(decoder, self.voice, seed)
        return KokoroBlocks(kokoro, self.voice.timbre[0], seed)


class MelodyRange:
    """By how much a melody is moved, from the voiced frames that were heard so far.

    Args:
        target: median log2 Hz of the voice; NaN leaves the melody as it is.
        frames: newest voiced frames that count.
        step: octaves by which it changes at most from one block of a phrase to the next, so that the phrase keeps its
            melody.
    """

    def __init__(self, target: float, frames: int, step: float = 0.02) -> None:
        self.target, self.frames, self.step = target, frames, step
        self._heard = np.zeros(0, np.float32)
        self._move: float | None = None

    def __call__(self, f0: np.ndarray, begins: bool) -> float:
        """Octaves, after ``f0 [2T]`` in Hz was heard too; 0 before anything voiced was.

        Args:
            f0: of the next block.
            begins: it begins a phrase.
        """
        self._heard = np.concatenate([self._heard, f0[f0 > 0]])[-self.frames :]
        move = self.target - median_log_f0(self._heard) if len(self._heard) else float("nan")
        if np.isnan(move):
            return 0.0
        if self._move is None or begins:
            self._move = float(move)
        else:
            self._move += float(np.clip(move - self._move, -self.step, self.step))
        return self._move
