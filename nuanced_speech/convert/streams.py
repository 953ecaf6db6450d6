"""Streams of audio."""

from collections.abc import Iterator

import numpy as np


def first_samples(stream: Iterator[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """The first ``length`` samples of a stream."""
    for chunk in stream:
        yield chunk[:length]
        length -= len(chunk[:length])
