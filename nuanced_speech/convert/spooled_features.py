"""Frames of long recordings in a temporary file, so that hours take no more memory than minutes."""

import tempfile
import threading
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import IO

import numpy as np

from nuanced_speech.analysis.analyzer import AnalyzerConfig, RecordingAnalyzer
from nuanced_speech.analysis.features import SEGMENTS_IN_MEMORY, SegmentFeatures, SegmentFrames
from nuanced_speech.analysis.speech_gate import SpeechGate
from nuanced_speech.audio.level import gain_of
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.convert.kept_features import by_windows, packed, unpacked
from nuanced_speech.core.constants import UNITS_PER_SECOND
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import Progress


class FrameSpool:
    """A temporary file of frames. Threads may share it; it goes when nothing refers to it any more.

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


class SpoolingAnalyzer:
    """An analyzer that keeps the frames of long recordings in a temporary file. Takes the place of ``Analyzer``.

    Args:
        analyzer: measures.
        device: where tensors are put.
        seconds: a recording of more is long; one of less is measured as ever.
    """

    def __init__(self, analyzer: RecordingAnalyzer, device: str, seconds: float = 300.0) -> None:
        self.analyzer, self.device, self.seconds = analyzer, device, seconds

    @property
    def config(self) -> AnalyzerConfig:
        """As ``Analyzer.config``."""
        return self.analyzer.config

    @property
    def gate(self) -> SpeechGate:
        """As ``Analyzer.gate``."""
        return self.analyzer.gate

    def __call__(
        self,
        recording: np.ndarray,
        segments: list[Segment] | None = None,
        gain: float | None = None,
        phonemes: bool = False,
        progress: Progress | None = None,
    ) -> list[SegmentFeatures]:
        """As ``Analyzer.__call__``.

        Raises:
            UserError: the temporary file does not fit on the disk.
        """
        units = sum(item.units for item in segments or ())
        if segments is None or units <= self.seconds * UNITS_PER_SECOND:
            return self.analyzer(recording, segments, gain, phonemes, progress)
        spool = FrameSpool(self.device)
        longest = self.config.window_units if phonemes else 0
        gain = gain_of(recording) if gain is None else gain
        features: list[SegmentFeatures] = []
        for group, part in by_windows(segments, longest, progress):
            measured = self.analyzer(recording, group, gain, phonemes, part)
            features += [replace(item, frames=spool.put(item.frames.load())) for item in measured]
        return features
