"""Transcripts in files, window by window, for work that goes on where it was broken off."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from nuanced_speech.convert.transcription import RecordingTranscriber
from nuanced_speech.core.errors import ContentError, UserError, reading
from nuanced_speech.core.files import replacing
from nuanced_speech.core.progress import Progress
from nuanced_speech.core.reading import check_numbers, read_object
from nuanced_speech.models.whisper import Transcript, TranscriptSegment, TranscriptWord, check_language, segment_of
from nuanced_speech.models.whisper_windows import Window

# Larger than any place in a recording, in frames of 10 ms.
_LARGEST = 1e9
# Tokens of the largest vocabulary of Whisper (large-v3).
_TOKENS = 51866
PREFIX = "transcript-"
"""Beginning of the files' names."""


class KeptTranscriber:
    """Transcribes each recording once; takes the place of ``RecordingTranscriber``.

    Args:
        transcribe: transcribes what is not kept yet.
        folder: of the files. A recording has one of lines, a line for the language and for each window of 30 s, until
            its transcript is whole.
    """

    def __init__(self, transcribe: RecordingTranscriber, folder: Path) -> None:
        self.transcribe, self.folder = transcribe, folder

    def __call__(
        self, wave: np.ndarray, language: str | None, word_times: bool, progress: Progress | None = None
    ) -> Transcript:
        """As ``RecordingTranscriber``."""
        digest = hashlib.sha256(np.ascontiguousarray(wave).data).hexdigest()[:16]
        path = self.folder / f"{PREFIX}{digest}-{'words' if word_times else 'text'}.json"
        if not path.exists():
            lines = path.with_suffix(".jsonl")
            known = read_windows(lines)
            language = known.language or language or self.transcribe.language(wave)
            with _appending(lines, known.end) as append:
                first = [] if known.language else [{"language": language}]

                def keep(window: Window) -> None:
                    while first:
                        append(first.pop())
                    append(asdict(window))

                transcript = self.transcribe(wave, language, word_times, progress, known.windows, keep)
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(asdict(transcript)), encoding="utf-8")
            lines.unlink(missing_ok=True)
        return read_transcript(path)


@dataclass(frozen=True)
class KnownWindows:
    """What the lines of a file say: language and windows, and where the last whole line ends."""

    language: str | None = None
    windows: tuple[Window, ...] = ()
    end: int = 0


def read_windows(path: Path) -> KnownWindows:
    """The lines of a file that is there, up to the first one that was cut off or damaged."""
    known = KnownWindows()
    if not path.exists():
        return known
    windows: list[Window] = []
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            values = json.loads(line)
            check_numbers(values, _LARGEST)
            if known.language is None:
                check_language(values["language"])
                known = replace(known, language=values["language"])
            else:
                windows.append(_window(values))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, UserError):
            break
        known = replace(known, end=known.end + len(line))
    return replace(known, windows=tuple(windows))


def _window(values: dict[str, Any]) -> Window:
    """A window as it was kept.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: something else.
    """
    window = Window(**values)
    for piece in window.segments:
        segment_of(piece)
    numbers = [window.end, *window.tokens]
    times = [window.speech_end, *(piece[name] for piece in window.segments for name in ("start", "end"))]
    texts = [piece["text"] for piece in window.segments]
    for kind, parts in ((int, numbers), ((int, float), times), (str, texts)):
        if not all(isinstance(part, kind) for part in parts):
            raise ContentError("something else where a number or a text belongs")
    if window.end < 0 or not all(0 <= token < _TOKENS for token in window.tokens):
        raise ContentError("a token or a place that there is not")
    return window


@contextmanager
def _appending(path: Path, end: int) -> Iterator[Callable[[object], None]]:
    """Yields what adds a line to a file, of which only what is before ``end`` is kept. The first line makes the file.

    Raises:
        UserError: the disk is full, or the folder is gone or cannot be written.
    """
    with ExitStack() as stack:
        file: IO[bytes] | None = None

        def append(values: object) -> None:
            nonlocal file
            try:
                if file is None:
                    file = stack.enter_context(path.open("ab"))
                    file.truncate(end)
                file.write((json.dumps(values) + "\n").encode())
                file.flush()
                os.fsync(file.fileno())
            except OSError as error:
                raise UserError(f"cannot write {path.parent}: {error.strerror}") from error

        yield append


def read_transcript(path: Path) -> Transcript:
    """A transcript that was kept as JSON.

    Raises:
        UserError: a damaged file.
    """
    what, remedy = "a kept transcript", "remove it, and the recording is transcribed again"
    values = read_object(path, what, remedy)
    with reading(path, what, remedy):
        check_numbers(values)
        segments = [
            TranscriptSegment(**{**piece, "words": [TranscriptWord(**word) for word in piece["words"]]})
            for piece in values["segments"]
        ]
        parts: list[TranscriptSegment | TranscriptWord] = [*segments]
        parts += [word for piece in segments for word in piece.words]
        texts = [values["text"], values["language"], *(part.text for part in parts)]
        if not all(isinstance(text, str) for text in texts):
            raise ContentError("something else where a text belongs")
        if not all(isinstance(number, (int, float)) for part in parts for number in (part.start, part.end)):
            raise ContentError("something else where a time belongs")
        return Transcript(values["text"], values["language"], segments)
