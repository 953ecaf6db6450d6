"""Devices that networks run on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nuanced_speech.core.errors import UserError

if TYPE_CHECKING:
    import torch


def check_device(name: str) -> torch.device:
    """The device of this name: ``cpu``, ``cuda``, ``cuda:1`` …

    Raises:
        UserError: PyTorch does not know it, or cannot use it on this machine.
    """
    # torch takes seconds to import
    import torch

    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except Exception:  # each backend of torch has its own
        raise UserError(f"device {name!r} is not usable here: use cpu") from None
    return device


def find_device(name: str) -> torch.device:
    """As ``check_device``; ``auto`` is CUDA where there is one, else the processor.

    Raises:
        UserError: as ``check_device``.
    """
    if name == "auto":
        import torch

        name = "cuda" if torch.cuda.is_available() else "cpu"
    return check_device(name)


# the switch is one for the whole process: threads that set it and set it back in turn would leave it off
_SWITCH = threading.RLock()


@contextmanager
def without_cudnn() -> Iterator[None]:
    """Compute without cuDNN, whose LSTM has no backward pass in evaluation mode. One thread at a time."""
    import torch

    with _SWITCH, torch.backends.cudnn.flags(enabled=False):
        yield
