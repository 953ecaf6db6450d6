"""Frames of long recordings in a temporary file, so that hours take no more memory than minutes."""

import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import IO

from nuanced_speech.analysis.analyzer import RecordingAnalyzer
from nuanced_speech.analysis.features import SEGMENTS_IN_MEMORY, SegmentFeatures, SegmentFrames
from nuanced_speech.convert.kept_features import packed, unpacked
from nuanced_speech.convert.storing_analyzer import StoringAnalyzer
from nuanced_speech.core.errors import UserError


class FrameSpool:
    """A store of features (``FeatureStore``) whose frames lie in a temporary file.

    Threads may share it; the file goes when nothing refers to it any more.

    Args:
        device: where tensors are put.

    Raises:
        UserError: no temporary file can be made.
    """

    def __init__(self, device: str = "cpu") -> None:
        # it has no name, so that nothing is left of it, however this process ends
        try:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as frames are needed)
        except OSError as error:
            raise UserError(f"no temporary file can be made in {tempfile.gettempdir()} ({error.strerror})") from error
        self._lock = threading.Lock()
        self.device, self._end = device, 0
        self.load = lru_cache(SEGMENTS_IN_MEMORY)(partial(_load, self._file, self._lock, device))

    def window(self, number: int, measure: Callable[[], list[SegmentFeatures]]) -> list[SegmentFeatures]:
        """As ``FeatureStore.window``.

        Raises:
            UserError: the disk is full.
        """
        return [replace(item, frames=self.put(item.frames.load())) for item in measure()]

    def put(self, frames: SegmentFrames) -> "SpooledFrames":
        """Write frames.

        Raises:
            UserError: the disk is full.
        """
        data = packed(frames)
        with self._lock:
            start, self._end = self._end, self._end + len(data)
            try:
                self._file.seek(start)
                self._file.write(data)
                self._file.flush()
            except OSError as error:
                raise UserError(
                    f"no room for a temporary file in {tempfile.gettempdir()} ({error.strerror})"
                ) from error
        return SpooledFrames(self, start, len(data))


def _load(file: IO[bytes], lock: threading.Lock, device: str, start: int, size: int) -> SegmentFrames:
    with lock:
        file.seek(start)
        data = file.read(size)
    return unpacked(data, device)


@dataclass(frozen=True)
class SpooledFrames:
    """Frames of a segment in a temporary file; read where they are needed.

    Attributes:
        spool: the file.
        start, size: place in it, in bytes.
    """

    spool: FrameSpool
    start: int
    size: int

    def load(self) -> SegmentFrames:
        """The frames."""
        frames: SegmentFrames = self.spool.load(self.start, self.size)
        return frames


def spooling(analyzer: RecordingAnalyzer, device: str, seconds: float = 300.0) -> StoringAnalyzer:
    """An analyzer that keeps the frames of recordings of more than so many seconds in a temporary file."""
    return StoringAnalyzer(analyzer, partial(FrameSpool, device), seconds)
