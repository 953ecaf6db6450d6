"""What a conversion is asked for."""

import math
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nuanced_speech.audio.decoding import AV_SUFFIXES
from nuanced_speech.audio.loudness import check_loudness
from nuanced_speech.core.constants import SEMITONES
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.whisper import check_language
from nuanced_speech.text.dictionary import Dictionary
from nuanced_speech.voice.stock import PACK_SUFFIXES
from nuanced_speech.voice.voice import Voice

KEEP = ("f0", "rhythm", "energy")
PATHS = ("auto", "direct", "text")
RECORDING_SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".opus", *AV_SUFFIXES}
# Octaves that a melody may be moved by.
_MAX_OCTAVES = 4


@dataclass(frozen=True)
class ConversionOptions:
    """Options of a conversion. They are checked when it is made.

    Attributes:
        voice: a ``Voice``, or what ``Voice.load`` takes, or a recording. None: the source's own voice.
        keep: what stays as in the source: ``f0``, ``rhythm``, ``energy``. Kokoro predicts the rest.
        path: ``direct`` (no text), ``text``, or ``auto``: text, which keeps more of the words, where the source's
            language has a text path, else direct.
        text: other words to say in the source's delivery.
        text_language: of ``text``, ISO 639-1. None: found by the text if it is long enough to tell, else the voice's.
        pitch_shift: semitones, in addition to all else.
        language: of the source, ISO 639-1. None: detected by Whisper where the path transcribes, else English.
        refine: steps of gradient descent, at most, that bring the voice nearer to its recording. Each takes three times
            the synthesis of 3.2 s.
        more: further recordings of that voice. They are not converted.
        seed: of the harmonic source, and of the passages that refinement tries.
        dictionary: pronunciations of one's own for ``text`` and for the source's transcript.
        channel: of the source, counted from 1. None: all channels, mixed.
        loudness: of the output, LUFS (ITU-R BS.1770), -70 to -5. None: as loud as the source.
        strict: refuse a source in which nobody speaks, which is silenced otherwise.

    Raises:
        UserError: a value that is not possible, or two that do not go together.
    """

    voice: str | Path | Voice | None = None
    keep: tuple[str, ...] = KEEP
    path: str = "auto"
    text: str | None = None
    text_language: str | None = None
    pitch_shift: float = 0.0
    language: str | None = None
    refine: int = 0
    more: tuple[str | Path, ...] = ()
    seed: int = 0
    dictionary: Dictionary | None = None
    channel: int | None = None
    loudness: float | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "keep", tuple(self.keep))
        object.__setattr__(self, "more", tuple(self.more))
        self._check_path()
        for language in (self.language, self.text_language):
            if language is not None:
                check_language(language)
        if self.text_language is not None and self.text is None:
            raise UserError("text_language: it is the language of new words: give these as text, or leave it out")
        if not math.isfinite(self.pitch_shift) or abs(self.pitch_shift) > _MAX_OCTAVES * SEMITONES:
            raise UserError(f"pitch_shift {self.pitch_shift}: give semitones between -48 and 48")
        if self.loudness is not None:
            check_loudness(self.loudness)
        if self.refine < 0 or (self.refine and self.voice is not None and not is_recording(self.voice)):
            raise UserError(f"refine {self.refine}: give a number of steps, and a recording as the voice or none")
        if self.more and self.voice is not None and not is_recording(self.voice):
            raise UserError("more: further recordings serve the source's own voice, or one that is a recording")

    def _check_path(self) -> None:
        if self.path not in PATHS:
            raise UserError(f"unknown path {self.path!r}: choose one of {', '.join(PATHS)}")
        unknown = [part for part in self.keep if part not in KEEP]
        if unknown:
            raise UserError(f"cannot keep {unknown[0]!r}: choose from {', '.join(KEEP)}")
        if self.text is not None and not self.text.strip():
            raise UserError("text is empty: give the words to say")
        if self.path == "direct" and self.needs_text:
            replaced = [part for part in KEEP if part not in self.keep]
            what = "new words" if self.text is not None else "replacing " + ", ".join(replaced)
            raise UserError(f"{what} needs the text path: use path text")

    @property
    def needs_text(self) -> bool:
        """Whether only the text path can do this."""
        return self.text is not None or set(self.keep) != set(KEEP)

    @property
    def chosen_path(self) -> str:
        """The path: ``text`` where nothing else can do this, else as asked for."""
        return "text" if self.needs_text else self.path

    @property
    def in_time(self) -> bool:
        """Whether the output is as long as the source."""
        return self.text is None and "rhythm" in self.keep


def is_recording(voice: str | Path | Voice) -> bool:
    """Whether a voice is named by a recording of it."""
    if isinstance(voice, Voice):
        return False
    name = str(voice)
    return not name.endswith(PACK_SUFFIXES) and (Path(name).is_file() or Path(name).suffix in RECORDING_SUFFIXES)


def changed(options: ConversionOptions | None, changes: dict[str, Any]) -> ConversionOptions:
    """Options with changes, for a method whose caller is warned where a voice is given in place of options."""
    if options is not None and not isinstance(options, ConversionOptions):
        warnings.warn("give the voice by its name: voice=…", DeprecationWarning, stacklevel=3)
        options = ConversionOptions(voice=options)
    return replace(options or ConversionOptions(), **changes)
