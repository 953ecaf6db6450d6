"""Resumable training states: tensors, numbers and strings only, so that nothing in the file can run code."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from nuanced_speech.core import precision
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.files import replacing
from nuanced_speech.core.tensor_files import load_pickle

MAY_CHANGE = ("out", "checkpoint_every", "device", "precision")
"""Fields of configs that do not shape the weights: a run may be resumed with others."""


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a state; the file before it stays until the new one is complete.

    Raises:
        UserError: the path cannot be written.
    """
    with replacing(path) as temporary:
        torch.save(state, temporary)


def load(path: Path) -> dict[str, Any]:
    """A state that ``save`` wrote, on the CPU.

    Raises:
        UserError: the file is missing, damaged or holds more than data.
    """
    if not path.is_file():
        raise UserError(f"{path}: no checkpoint to resume; start without resume")
    with reading(path, "a checkpoint", "remove it and train afresh"):
        state = load_pickle(path)
        if not isinstance(state, dict):
            raise TypeError("not a state")
        return state


def precisions_with(state: dict[str, Any], step: int, dtype: torch.dtype) -> list[str]:
    """What a checkpoint records about precision, continued at ``step`` in ``dtype``: ``["0 bfloat16", "400 float32"]``.

    A run may be resumed on a processor that computes in another precision; its checkpoint then says from which step.
    """
    before, now = list(state.get("precisions", [])), precision.name_of(dtype)
    return before if before and before[-1].split()[1] == now else [*before, f"{step} {now}"]


def check_same(
    path: Path,
    saved: dict[str, str] | None,
    settings: dict[str, str],
    unnamed: Mapping[str, str] | None = None,
    remedy: str = "restore them or train afresh",
) -> None:
    """Refuse to continue with other settings than the checkpoint or the shards at ``path`` were made with.

    Args:
        path: file of the checkpoint, or folder of the shards.
        saved: settings in the checkpoint; None where an earlier version recorded none.
        settings: present settings.
        unnamed: what settings were before there was a choice, for checkpoints of that time, which do not name them.
        remedy: what to do where they differ.

    Raises:
        UserError: names each setting that differs.
    """
    if saved is None:
        raise UserError(f"{path} is of an earlier version, which recorded no settings: remove it and train afresh")
    saved = {**(unnamed or {}), **saved}
    changed = [
        f"{name} was {saved.get(name)}, now {value}" for name, value in settings.items() if saved.get(name) != value
    ]
    if changed:
        raise UserError(f"{path} was made with other settings: {'; '.join(changed)}; {remedy}")


def settings_of(config: Any, *ignored: str) -> dict[str, str]:
    """The fields of a config dataclass as text, without those that may change when a run is resumed.

    Args:
        config: dataclass.
        ignored: names of fields beside those that never shape the weights (``out``, ``device`` …).
    """
    left_out = {*MAY_CHANGE, *ignored}
    return {field.name: str(getattr(config, field.name)) for field in fields(config) if field.name not in left_out}


def fingerprint(*parts: bytes) -> str:
    """A short checksum of data that a run learns from, for its settings."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()[:16]


def weights_setting(weights: Mapping[str, torch.Tensor]) -> str:
    """Weights as a setting: a checksum of their values, wherever they lie and on whichever device."""
    return fingerprint(*(value.cpu().numpy().tobytes() for _, value in sorted(weights.items())))


def make_folder(path: Path) -> None:
    """Make a folder for the results of a run, with those above it.

    Raises:
        UserError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path}: cannot make this folder ({error.strerror})") from error
