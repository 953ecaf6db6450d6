"""Kokoro and Whisper from their authors' own PyTorch checkpoints."""

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core.tensor_files import load_pickle

# Tables that the model computes itself, and a layer that synthesis does not use.
_NOT_WEIGHTS = re.compile(r"bert\.(pooler\.|embeddings\.(position_ids|token_type_ids)$)")


def kokoro(path: Path) -> dict[str, np.ndarray]:
    """All weights of ``kokoro.KModel``, weight norm folded into plain weights.

    The checkpoint is a dict of state dicts, one for each part of the model; names may carry the ``module.`` that
    data-parallel training puts before them.

    Returns:
        float32 arrays by state-dict name.
    """
    state: dict[str, Tensor] = {}
    for part, weights in load_pickle(path).items():
        state.update({f"{part}.{name.removeprefix('module.')}": value.float() for name, value in weights.items()})
    return {name: value.numpy() for name, value in fold_weight_norm(state).items() if not _NOT_WEIGHTS.match(name)}


def fold_weight_norm(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Replace each pair ``weight_g``, ``weight_v`` by ``weight = g * v / |v|``, the norm taken along axis 0."""
    folded = dict(state)
    for name in state:
        if not name.endswith(".weight_g"):
            continue
        stem = name.removesuffix("_g")
        gain, direction = folded.pop(name), folded.pop(f"{stem}_v")
        norm = direction.flatten(1).norm(dim=1).reshape(gain.shape)
        # an all-zero filter stays zero rather than becoming 0 / 0
        folded[stem] = direction * (gain / norm.clamp(min=torch.finfo(norm.dtype).tiny))
    return folded


def whisper(path: Path) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """State dict and dimensions of an openai-whisper checkpoint, in the precision that it has (float16)."""
    checkpoint = load_pickle(path, mmap=True)
    return {name: value.numpy() for name, value in checkpoint["model_state_dict"].items()}, checkpoint["dims"]
