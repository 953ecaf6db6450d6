"""The voice that a stream is decoded in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.analysis.features import SegmentFeatures, mean_speaker, mean_style
from nuanced_speech.core.constants import TIMBRE_DIM
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.live.block_decoders import BlockDecoder, FastBlocks, KokoroBlocks
from nuanced_speech.models.fast_decoder import SPEAKER_DIM, DecoderVoice, FastDecoder, Reference, envelopes
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.synthesis.target_voice import TargetVoice
from nuanced_speech.voice.stock import style_of


@dataclass(frozen=True, eq=False)
class LiveVoice:
    """A voice for either decoder.

    Attributes:
        timbre: for Kokoro's decoder, ``[128]``, or ``[128 + K]`` with an extension.
        log_f0: median of its melody, log2 Hz; NaN where the source's own melody stays.
        speaker: speaker embedding ``[256]``; None where it is unknown.
        reference: frames of a recording of it, for the fast decoder.
    """

    timbre: Tensor
    log_f0: float = float("nan")
    speaker: Tensor | None = None
    reference: Reference | None = None

    @classmethod
    def of_target(cls, voice: TargetVoice) -> "LiveVoice":
        """That of a pack or of a recording."""
        assert voice.pack is not None
        return cls(style_of(voice.pack).decoder, voice.log_f0, voice.speaker)

    @classmethod
    def of_speech(cls, features: Sequence[SegmentFeatures]) -> "LiveVoice":
        """The speaker's own."""
        return cls(mean_style(features).decoder, speaker=mean_speaker(features), reference=reference_of(features))

    def decoder(self, kokoro: Kokoro, fast: FastDecoder | None, seed: int = 0) -> BlockDecoder:
        """A decoder of a new stream in this voice: the fast one where it is given."""
        if fast is None:
            return KokoroBlocks(kokoro, self.timbre, seed)
        unknown = torch.full((1, SPEAKER_DIM), torch.nan)
        speaker = unknown if self.speaker is None else self.speaker[None].float()
        return FastBlocks(fast, DecoderVoice(self.timbre[None, :TIMBRE_DIM], speaker, self.reference), seed)


def reference_of(features: Sequence[SegmentFeatures]) -> Reference:
    """All frames of analysed speech."""
    content = torch.cat([item.content.float().T for item in features])[None]
    shapes = torch.cat([envelopes(torch.from_numpy(item.wave)[None])[0] for item in features])[None]
    return Reference(content, shapes, torch.ones(content.shape[:2], dtype=torch.bool))


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
