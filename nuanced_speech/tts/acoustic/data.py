"""Batches from ``.npz`` files of the ETTS format: read once, kept in memory, padded to others of about their length."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from nuanced_speech.audio.gate import active_frames
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import step_bar
from nuanced_speech.tts.acoustic.pitch import track
from nuanced_speech.tts.features import Example, find, load

# So many utterances, in batches, are sorted by length together.
BUCKET = 12
HELD_OUT_EVERY = 40
# Utterances whose F0 is tracked together.
TRACKED = 32
# Silence at the ends: decibels below the loudest frame, and frames of it that stay (0.05 s).
QUIET_DB, MARGIN = 45.0, 4


@dataclass(frozen=True)
class Item:
    """An utterance as tensors: ids ``[T]``, embedding ``[256]``, mel ``[frames, 80]``, durations ``[T]`` in frames
    (None where unknown), F0 in Hz ``[frames]``, 0 where unvoiced."""

    phonemes: Tensor
    embedding: Tensor
    mel: Tensor
    durations: Tensor | None
    f0: Tensor
    name: str


@dataclass(frozen=True)
class Batch:
    """Utterances padded with zeros.

    Attributes:
        phonemes: ids ``[B, T]``, and ``lengths [B]``.
        embedding: speakers ``[B, 256]``.
        mel: ``[B, frames, 80]``, and ``frames [B]``.
        durations: frames of every phoneme ``[B, T]``; None where an utterance has none.
        f0: Hz ``[B, frames]``, 0 where unvoiced.
    """

    phonemes: Tensor
    lengths: Tensor
    embedding: Tensor
    mel: Tensor
    frames: Tensor
    durations: Tensor | None
    f0: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if getattr(self, f.name) is not None}
        return replace(self, **moved)


def read(folder: Path, durations: bool, pitch: bool, trim: bool = False) -> list[Item]:
    """Every utterance of a folder; F0 only on request, else zeros; with ``trim`` without the silence at its ends.

    Raises:
        UserError: nothing there, a damaged file, or no durations where they are needed.
    """
    items = []
    for path in step_bar(find(folder), "reading", unit="file", leave=False):
        example = load(path)
        if durations and example.durations is None:
            raise UserError(f"{path}: no durations in it, which etts learns from; tacotron2 does without them")
        items.append(trimmed(item_of(example)) if trim else item_of(example))
    if pitch:
        order = sorted(range(len(items)), key=lambda number: len(items[number].mel))
        for start in step_bar(range(0, len(order), TRACKED), "F0", unit="batch", leave=False):
            group = order[start : start + TRACKED]
            curves = track([items[number].mel.numpy() for number in group])
            for number, f0 in zip(group, curves, strict=True):
                items[number] = replace(items[number], f0=torch.from_numpy(f0))
    return items


def item_of(example: Example) -> Item:
    """An example as tensors, without F0."""
    durations = example.durations
    return Item(
        torch.from_numpy(example.phonemes.astype(np.int64)),
        torch.from_numpy(example.embedding.astype(np.float32)),
        torch.from_numpy(example.mel.astype(np.float32)),
        None if durations is None else torch.from_numpy(durations.astype(np.int64)),
        torch.zeros(len(example.mel)),
        example.name,
    )


def trimmed(item: Item) -> Item:
    """An utterance without the silence at its ends but for 0.05 s. Durations shrink where frames are gone."""
    level = (2 * item.mel.double()).exp().mean(1).log10() * 10
    loud = np.flatnonzero(active_frames(level.numpy(), QUIET_DB, float(level.max())))
    start, stop = max(int(loud[0]) - MARGIN, 0), min(int(loud[-1]) + 1 + MARGIN, len(item.mel))
    durations = item.durations
    if durations is not None:
        durations = torch.cat([torch.zeros(1, dtype=durations.dtype), durations.cumsum(0)]).clamp(start, stop).diff()
    return replace(item, mel=item.mel[start:stop], f0=item.f0[start:stop], durations=durations)


def collate(items: Sequence[Item]) -> Batch:
    """One batch of some utterances."""
    durations = [i.durations for i in items if i.durations is not None]
    return Batch(
        pad_sequence([i.phonemes for i in items], batch_first=True),
        torch.tensor([len(i.phonemes) for i in items]),
        torch.stack([i.embedding for i in items]),
        pad_sequence([i.mel for i in items], batch_first=True),
        torch.tensor([len(i.mel) for i in items]),
        pad_sequence(durations, batch_first=True) if len(durations) == len(items) else None,
        pad_sequence([i.f0 for i in items], batch_first=True),
    )


def split(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Utterances to learn from, and one in forty to choose the weights by, always the same of the same names.

    Raises:
        UserError: fewer than two utterances.
    """
    if len(items) < 2:
        raise UserError("one utterance is not enough to train on: one is held out to choose the best weights by")
    order = sorted(range(len(items)), key=lambda k: hashlib.sha256(items[k].name.encode()).digest())
    held_out = set(order[: max(len(items) // HELD_OUT_EVERY, 1)])
    return [x for k, x in enumerate(items) if k not in held_out], [items[k] for k in sorted(held_out)]


def batches(items: Sequence[Item], size: int, seed: int, epoch: int) -> list[list[int]]:
    """The batches of an epoch, as places in ``items``: every utterance once, those of about a length together.

    Depends on the seed and the epoch alone.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(items)).tolist()
    groups = []
    for start in range(0, len(order), size * BUCKET):
        bucket = sorted(order[start : start + size * BUCKET], key=lambda k: len(items[k].mel))
        groups += [bucket[k : k + size] for k in range(0, len(bucket), size)]
    return [groups[k] for k in rng.permutation(len(groups))]
