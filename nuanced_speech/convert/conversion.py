"""What comes out of a conversion."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.audio import SYNTHETIC
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.models.voice_activity import SpeechStretch
from nuanced_speech.models.whisper import Transcript


def times_of(places: Sequence[SpeechStretch], most: int = 3) -> str:
    """The times of places as people read them, such as ``1.2-3.4 s``; of many, the first and their number."""
    times = ", ".join(f"{place.start:.1f}-{place.end:.1f} s" for place in places[:most])
    return times if len(places) <= most else f"{times} and {len(places) - most} more"


@dataclass(frozen=True)
class Conversion:
    """A converted recording.

    Attributes:
        audio: ``[T]`` float32 at 24 kHz, as long as the source unless words or rhythm are new; empty if it was streamed
            to a file.
        source: the source as it was read, ``[T]`` at 24 kHz.
        path: ``direct`` or ``text``; ``none`` where nobody speaks, and the output is silent.
        seconds: processing time by stage.
        transcript: of the source, where the path needed it.
        language: of the source, ISO 639-1.
        sample_rate: in Hz.
        comment: that the output is synthetic, and in which voice; written into the file.
        overlaps: where in the source two people speak at once; one voice speaks for both.
    """

    audio: np.ndarray
    source: np.ndarray
    path: str
    seconds: dict[str, float]
    transcript: Transcript | None = None
    language: str = "en"
    sample_rate: int = SAMPLE_RATE
    comment: str = SYNTHETIC
    overlaps: tuple[SpeechStretch, ...] = ()

    @property
    def rtf(self) -> float:
        """Processing time over the source's length, without the loading of models."""
        spent = sum(value for name, value in self.seconds.items() if name != "load")
        return spent / (len(self.source) / self.sample_rate)

    @property
    def overlap_times(self) -> str:
        """The times of ``overlaps``; empty without any."""
        return times_of(self.overlaps)

    def save(self, path: str | Path) -> None:
        """Write WAV, FLAC, OGG, Opus, MP3 or M4A by the name."""
        audio.write(path, self.audio, self.sample_rate, self.comment)
