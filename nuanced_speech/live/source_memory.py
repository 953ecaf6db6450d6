"""What a stream's speaker sounds like, for decoders that follow the source."""

from nuanced_speech.live.block_analysis import BlockFeatures
from nuanced_speech.live.live_voice import LiveVoice
from nuanced_speech.models.decoder_voice import Reference, SourceEnvelopes


class SourceMemory:
    """Keeps the newest frames of a stream's speech, by which a decoder knows the speaker's usual envelopes.

    The frames of the present block are always among them. At the beginning there are few others, so what is usual is
    the present envelope itself, and next to nothing is told of the source.

    Args:
        frames: number of frames of 25 ms that are kept.
    """

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self._known: Reference | None = None

    def __call__(self, features: BlockFeatures, voice: LiveVoice) -> SourceEnvelopes | None:
        """What is told of the next block of speech in a voice; None where its envelopes were not measured.

        In the speaker's own voice, the frames of the voice say what is usual.
        """
        if features.envelope is None or features.reference is None:
            return None
        if voice.own and voice.voice.reference is not None:
            return SourceEnvelopes(features.envelope, voice.voice.reference)
        new = features.reference
        known = new if self._known is None else Reference.joined([self._known, new])
        length = known.mask.shape[1]
        self._known = known.cut(max(length - self.frames, 0), length)
        return SourceEnvelopes(features.envelope, self._known)
