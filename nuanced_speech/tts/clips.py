"""What is prepared for speech synthesis, and what came of it: clips that were kept, stretches that were set aside."""

import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from nuanced_speech.core.files import replacing
from nuanced_speech.tts.quality_filters import QualityLimits


@dataclass(frozen=True)
class PrepareConfig:
    """What to prepare and how.

    Attributes:
        source: folder of recordings, searched to the bottom.
        out: folder of the data set.
        sample_rate: of the clips, Hz.
        pad: seconds of silence before and after each clip.
        loudness: of the clips, dBFS: the RMS level of what is speech (``audio.active_level_db``, gated as loudness
            meters do, without their weighting of frequencies). Clips stay quieter where their peak would exceed
            -1 dBFS.
        whisper: size of the Whisper model that transcribes.
        language: of the recordings, ISO 639-1; None lets Whisper find each recording's.
        check: compare given transcripts with Whisper's.
        workers: processes, of one thread each.
        limits: what clips must keep.
    """

    source: Path
    out: Path
    sample_rate: int = 22050
    pad: float = 0.5
    loudness: float = -23.0
    whisper: str = "base"
    language: str | None = None
    check: bool = False
    workers: int = 1
    limits: QualityLimits = field(default_factory=QualityLimits)


@dataclass(frozen=True)
class Clip:
    """A clip that was kept.

    Attributes:
        id: its name.
        start, end: of its speech in the recording, seconds.
        seconds: of its file.
        text, normalised: what is said.
        language: ISO 639-1.
        phonemes: of the text; "" where the language has none here.
        rate: phonemes, else letters, a second.
    """

    id: str
    start: float
    end: float
    seconds: float
    text: str
    normalised: str
    language: str
    phonemes: str
    rate: float


@dataclass(frozen=True)
class Rejection:
    """A stretch that was set aside, in seconds of its recording (all of it where None), and why."""

    start: float | None
    end: float | None
    reason: str


@dataclass(frozen=True)
class ClipOutcome:
    """What came of one file."""

    file: str
    fingerprint: str
    clips: list[Clip] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> "ClipOutcome | None":
        """What ``save`` wrote; None where there is nothing that can be read."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            kept, rejected = ([_typed(kind(**row)) for row in values.pop(key)] for kind, key in _PARTS)
            if not all(isinstance(note, str) for note in values["notes"]):
                return None
            return _typed(cls(**values, clips=kept, rejected=rejected))
        except Exception:  # whatever a damaged file holds: it is made again
            return None

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


def _typed(row: Any) -> Any:
    """A dataclass as it is.

    Raises:
        TypeError: a text or number in it is something else.
    """
    for part in fields(row):
        value = getattr(row, part.name)
        if part.type is str:
            right = isinstance(value, str)
        elif value is None:
            right = part.type is not float
        else:
            right = isinstance(value, list) or (isinstance(value, (int, float)) and math.isfinite(value))
        if not right:
            raise TypeError(f"{part.name} is {value!r}")
    return row


_PARTS: tuple[tuple[Any, str], ...] = ((Clip, "clips"), (Rejection, "rejected"))


@dataclass(frozen=True)
class ClipJob:
    """A file, the beginning of its clips' names, its transcript where there is one, and what it must not change."""

    path: Path
    prefix: str
    text: str | None
    fingerprint: str
