"""Devices that networks run on."""

import torch

from nuanced_speech.core.errors import UserError


def check_device(device: str) -> None:
    """Complain of a device that cannot be used here.

    Raises:
        UserError: names it.
    """
    try:
        torch.empty(0, device=device)
    except Exception:
        raise UserError(f"the device {device!r} is not usable here: use --device cpu") from None


def find_device(name: str) -> torch.device:
    """A device by name, ``auto`` for CUDA where there is one.

    Raises:
        UserError: PyTorch does not know it, or it is not on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UserError(f"--device {name} is not available here: give auto, cpu or cuda") from error
    return device
