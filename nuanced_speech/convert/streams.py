"""Streams of audio and of parts of the work."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nuanced_speech.core.progress import Progress


def first_samples(stream: Iterator[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """The first ``length`` samples of a stream."""
    for chunk in stream:
        yield chunk[:length]
        length -= len(chunk[:length])


def reported(items: Sequence[Any], progress: Progress | None) -> Iterator[Any]:
    """The items; the share that is done is reported after each."""
    for number, item in enumerate(items, 1):
        yield item
        if progress is not None:
            progress(number / len(items))
