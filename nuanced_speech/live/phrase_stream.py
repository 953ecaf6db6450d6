"""Phrase mode: each phrase is converted at the pause that ends it, as a recording is."""

from collections.abc import Iterable, Iterator

import numpy as np

from nuanced_speech.audio import Recording
from nuanced_speech.convert.converter import Converter
from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.live.config import PhraseConfig
from nuanced_speech.live.phrases import Phrase, PhraseSplitter
from nuanced_speech.live.streams import LiveAudio


class PhraseStream:
    """Converts a stream phrase by phrase.

    Args:
        converter: converts recordings.
        options: what is wanted; the speaker's own voice by default.
        config: where a phrase begins and ends.
    """

    def __init__(
        self, converter: Converter, options: ConversionOptions | None = None, config: PhraseConfig = PhraseConfig()
    ) -> None:
        self.converter, self.options = converter, options or ConversionOptions(path="direct")
        self._splitter = PhraseSplitter(config)

    @property
    def speaking(self) -> bool:
        """Whether a phrase has begun and not ended."""
        return self._splitter.speaking

    def __call__(self, samples: np.ndarray) -> Iterator[LiveAudio]:
        """Audio of the phrases that end within ``samples``, in order, each from its first chunk on."""
        return self._converted(self._splitter(samples))

    def finish(self) -> Iterator[LiveAudio]:
        """Audio of the phrase that the end of the stream ends."""
        return self._converted(self._splitter.finish())

    def _converted(self, phrases: Iterable[Phrase]) -> Iterator[LiveAudio]:
        for phrase in phrases:
            done = 0
            for wave in self.converter.stream(Recording(phrase.wave, SAMPLE_RATE), self.options):
                yield LiveAudio(wave, phrase.start + done, phrase.end)
                done += len(wave)
