"""Large matrices in half the space: symmetric int8 quantisation, with a step for each output channel."""

from collections.abc import Mapping

import torch
from torch import Tensor

# Smaller tensors save little, and their values may matter more.
MIN_SIZE = 1 << 16
# No parameter of a network may be named so.
_STEP = ".step"


def quantised(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Large matrices as int8 and, under ``NAME.step``, float32 steps of their rows; all else as float16.

    A weight is off by half a step at most, that is 0.4 % of its row's largest.
    """
    packed: dict[str, Tensor] = {}
    for name, value in state.items():
        if value.dim() < 2 or value.numel() < MIN_SIZE:
            packed[name] = value.half().contiguous()
            continue
        rows = value.float().flatten(1)
        step = rows.abs().amax(1).clamp(min=1e-12) / 127
        packed[name] = (rows / step[:, None]).round().to(torch.int8).reshape(value.shape)
        packed[name + _STEP] = step
    return packed


def dequantised(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What ``quantised`` was given, as float32; tensors without steps are only converted."""
    state = {name: value.float() for name, value in packed.items() if not name.endswith(_STEP)}
    for name, step in packed.items():
        if name.endswith(_STEP):
            matrix = name.removesuffix(_STEP)
            state[matrix] = state[matrix] * step.reshape(-1, *[1] * (state[matrix].dim() - 1))
    return state
