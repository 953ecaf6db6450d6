"""The samples of a source: read from its file, or read by another process and handed over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nuanced_speech import audio

# A file and a channel (counted from 1; None for all, mixed) to samples ``[T]`` at 24 kHz.
Reader = Callable[[str | Path, int | None], np.ndarray]


def read_source(source: str | Path, channel: int | None) -> np.ndarray:
    """Samples ``[T]`` at 24 kHz of a file that is to be converted.

    Raises:
        UserError: as ``audio.read``, except that silence is allowed.
    """
    return audio.read(source, allow_silence=True, channel=channel)


class HandedOver:
    """A ``Reader`` of samples that were read elsewhere; files that were not are read here. Threads may share it."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, int | None], np.ndarray] = {}

    @contextmanager
    def put(self, source: str | Path, channel: int | None, samples: np.ndarray) -> Iterator[None]:
        """Hand over the samples of a file, as ``read_source`` gives them, for one call as long as the context lasts."""
        key = str(source), channel
        self._samples[key] = samples
        try:
            yield
        finally:
            self._samples.pop(key, None)

    def __call__(self, source: str | Path, channel: int | None) -> np.ndarray:
        samples = self._samples.pop((str(source), channel), None)
        return read_source(source, channel) if samples is None else samples
