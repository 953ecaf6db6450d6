"""Several channels as one: without the dead ones, and as loud as the loudest."""

from collections.abc import Iterable

import numpy as np

from nuanced_speech.core.errors import UserError

# A channel whose energy is less than this beside the loudest one's is dead: 30 dB.
_DEAD = 1e-3
# A mix that lost less than 1.5 dB stays the plain mean; one that lost 13 dB is of channels with opposite signs.
_KEPT, _CANCELLED = 1.41, 0.05
# Frames in which the loudest channel is found anew, since two people may speak on a channel each.
_PART = 1 << 12


def one_channel(channels: int, channel: int, name: str) -> np.ndarray:
    """Weights ``[channels]`` of a single channel, counted from 1.

    Raises:
        UserError: there is no such channel.
    """
    if not 1 <= channel <= channels:
        raise UserError(f"channel {channel}: {name} has {channels} channel{'s' * (channels > 1)}")
    return np.eye(channels, dtype=np.float32)[channel - 1]


def mixing_weights(blocks: Iterable[np.ndarray], channels: int) -> np.ndarray | None:
    """Weights ``[channels]`` of a mix that keeps the level; None for the plain mean.

    Args:
        blocks: the recording, ``[n, channels]`` each.
        channels: more than one.
    """
    together, loudest = np.zeros((channels, channels)), 0.0
    for block in blocks:
        for begin in range(0, len(block), _PART):
            part = np.nan_to_num(block[begin : begin + _PART].astype(np.float64))
            products = part.T @ part
            together += products
            loudest += float(products.diagonal().max())
    energies = together.diagonal()
    if not energies.max() > 0:
        return None
    live = energies >= _DEAD * energies.max()
    weights = live / live.sum()
    mixed = float(weights @ together @ weights)
    if mixed < _CANCELLED * loudest / live.sum():
        return np.eye(channels, dtype=np.float32)[int(energies.argmax())]
    if loudest < _KEPT * mixed:
        return None if live.all() else weights.astype(np.float32)
    return (weights * np.sqrt(loudest / mixed)).astype(np.float32)
