"""The voice that segments are spoken in."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from nuanced_speech.analysis.features import SegmentFeatures
from nuanced_speech.analysis.recorded_voice import RecordedVoice
from nuanced_speech.audio import SYNTHETIC
from nuanced_speech.models.decoder_voice import DecoderVoice, Reference
from nuanced_speech.synthesis.effects import Effect, Equalize, FollowBalance, MatchBalance, MatchLoudness
from nuanced_speech.synthesis.speaker_eq import SpeakerEq
from nuanced_speech.voice.adaptation import DecoderAdaptation
from nuanced_speech.voice.frames import VoiceFrames
from nuanced_speech.voice.stock import style_of
from nuanced_speech.voice.style import Style


@dataclass(frozen=True)
class TargetVoice:
    """A voice to speak segments in: the segments' own, a voice pack, or that of a recording.

    Attributes:
        pack: styles by number of phonemes, a batch ``[510]``, or a single one ``[1]``. None: each segment is spoken in
            its own style.
        log_f0: median of its melody, log2 Hz; NaN where it is unknown.
        mark: what the metadata of the output says.
        spectrum: long-term spectrum of its recording, log energies ``[BANDS]``; None where it has no recording.
        speaker: speaker embedding ``[256]`` of length 1 that an equaliser is fitted to; None for none.
        equalizer: that equaliser, once it is fitted.
        recorded: recordings of it, for a decoder that takes frames; None where it has none.
        frames: what is kept of recordings of it, in place of them.
        adaptation: what it changes in a fast decoder; in the source's own voice, in its adapted segments.
    """

    pack: Style | None
    log_f0: float
    mark: str
    spectrum: np.ndarray | None = None
    speaker: Tensor | None = None
    equalizer: SpeakerEq | None = None
    recorded: RecordedVoice | None = None
    frames: VoiceFrames | None = None
    adaptation: DecoderAdaptation | None = None

    @classmethod
    def own(
        cls,
        speaker: Tensor | None = None,
        recorded: RecordedVoice | None = None,
        adaptation: DecoderAdaptation | None = None,
    ) -> "TargetVoice":
        """Each segment's own voice; ``speaker`` is that of an adapted one."""
        mark = f"{SYNTHETIC}; voice: of the source (clone)"
        return cls(None, float("nan"), mark, speaker=speaker, recorded=recorded, adaptation=adaptation)

    def style(self, features: SegmentFeatures, phonemes: int | None = None) -> Style:
        """The style of a segment, for a text of so many phonemes if that is known."""
        if self.pack is None:
            return features.style
        return style_of(self.pack) if phonemes is None else style_of(self.pack, phonemes)

    def whole(self, recordings: bool) -> DecoderVoice:
        """What the decoder is given for speech of unknown length in the voice of a pack or of a recording.

        ``recordings`` says whether the decoder takes what recordings tell.
        """
        assert self.pack is not None
        return self.decoder_voice(style_of(self.pack), None, recordings)

    def decoder_voice(self, style: Style, segment: SegmentFeatures | None, recordings: bool) -> DecoderVoice:
        """What the decoder is given for a segment.

        Args:
            style: of the segment.
            segment: the segment; None for new words.
            recordings: whether the decoder takes what recordings tell.
        """
        if not recordings:
            return DecoderVoice.single(style.decoder)
        speaker, reference = (None, None) if self.recorded is None else self.recorded.of(segment)
        if self.frames is not None:
            speaker, reference = self.frames.speaker, Reference.of_voice(self.frames, style.decoder.device)
        adapted = self.pack is not None or segment is None or segment.reference is not None
        return DecoderVoice.single(style.decoder, speaker, reference, self.adaptation if adapted else None)

    def equalized(self, features: SegmentFeatures) -> bool:
        """Whether a segment is spoken with an equaliser."""
        return self.speaker is not None and (self.pack is not None or features.reference is not None)

    def effects(self, features: SegmentFeatures) -> list[Effect]:
        """The post chain of a segment that keeps its loudness."""
        balance: Effect = MatchBalance() if self.pack is None else FollowBalance(self.spectrum)
        equalizer = self.equalizer if self.equalized(features) else None
        return [balance, *([] if equalizer is None else [Equalize(equalizer)]), MatchLoudness()]
