"""What analysed recordings tell a decoder of a speaker: an embedding, and frames."""

from collections.abc import Sequence
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.analysis.features import SEGMENTS_IN_MEMORY, SegmentFeatures, mean_speaker
from nuanced_speech.core.constants import HOP_LENGTH, UNITS_PER_SECOND
from nuanced_speech.models.decoder_voice import Reference, SourceEnvelopes, envelopes
from nuanced_speech.models.speaker_encoder import same_speaker
from nuanced_speech.voice.frames import VoiceFrames


class RecordedVoice:
    """Recordings that a decoder is told a voice by. Threads may share it.

    Args:
        features: segments of the recordings, in their order.
        own: they are what is spoken again, so that a segment's voice is that of the segments of its speaker, the
            nearest ones first. Otherwise all of them are of the one voice.
        seconds: length of the frames that the decoder is given at most; its training gave it 8 s.
    """

    def __init__(self, features: Sequence[SegmentFeatures], own: bool = False, seconds: float = 30.0) -> None:
        self.features, self.own, self.seconds = list(features), own, seconds
        self._frames = lru_cache(SEGMENTS_IN_MEMORY)(lambda number: reference_of([self.features[number]]))

    @cached_property
    def _same(self) -> Tensor:
        """How surely the speakers of segments are the same ``[P, P]``; NaN where there is no speech."""
        return same_speaker(torch.from_numpy(np.stack([item.speaker for item in self.features])))

    def of(self, segment: SegmentFeatures | None = None) -> tuple[Tensor | None, Reference | None]:
        """Speaker embedding ``[256]`` and frames of the voice of a segment; of all recordings if None."""
        chosen = self._speakers_segments(segment) if self.own and segment is not None else range(len(self.features))
        kept: list[int] = []
        for k in chosen:
            if kept and sum(self.features[j].units for j in kept) >= self.seconds * UNITS_PER_SECOND:
                break
            kept.append(k)
        if not kept:
            return None, None
        speaker = mean_speaker([self.features[k] for k in kept])
        frames = Reference.joined([self._frames(k) for k in kept])
        return speaker, frames.cut(0, round(self.seconds * UNITS_PER_SECOND))

    def frames(self, seconds: float = 8.0) -> VoiceFrames | None:
        """What a voice keeps of all recordings, so many seconds of frames at most; None without speech.

        Decoders do not ask for the frames' order, so it is not kept: nobody can put the words together again.
        """
        speaker, reference = self.of()
        if speaker is None or reference is None:
            return None
        kept = reference.cut(0, round(seconds * UNITS_PER_SECOND))
        order = kept.content[0, :, 0].argsort()
        return VoiceFrames(speaker.cpu(), kept.content[0, order].cpu(), kept.envelope[0, order].cpu())

    def _speakers_segments(self, segment: SegmentFeatures) -> list[int]:
        """Numbers of the segments that sound like the speaker of one of them, itself first, then the nearest."""
        at = next((k for k, item in enumerate(self.features) if item is segment), 0)
        same = self._same[at].tolist()
        return sorted((k for k, share in enumerate(same) if k == at or share >= 0.5), key=lambda k: abs(k - at))


def source_of(
    features: SegmentFeatures, frames: slice | np.ndarray = slice(None), known: Reference | None = None
) -> SourceEnvelopes:
    """What a segment sounds like, for a decoder that follows its source.

    Args:
        features: the segment.
        frames: those of its frames at 80 Hz that are spoken, in their order.
        known: frames of its speaker, which tell the decoder the speaker's usual envelopes; the segment's if omitted.
    """
    reference = reference_of([features]) if known is None else known
    wave = torch.from_numpy(np.nan_to_num(features.wave))[None].to(reference.content.device)
    return SourceEnvelopes(envelopes(wave, HOP_LENGTH)[:, frames], reference)


def reference_of(features: Sequence[SegmentFeatures]) -> Reference:
    """All frames of analysed speech."""
    content = torch.cat([item.content.float().T for item in features])[None]
    waves = (torch.from_numpy(item.wave)[None].to(content.device) for item in features)
    shapes = torch.cat([envelopes(wave)[0] for wave in waves])[None]
    return Reference(content, shapes, torch.ones(content.shape[:2], dtype=torch.bool, device=content.device))
