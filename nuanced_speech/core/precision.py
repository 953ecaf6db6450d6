"""Number format of the large networks: bfloat16 where this processor computes it faster, else float32.

On a processor without bfloat16 instructions, torch computes bfloat16 convolutions in a scalar loop, 10 to 100 times
slower than float32 (pytorch/pytorch#118499). On some that have them, some shapes are slower all the same
(pytorch/pytorch#183815), so a short measurement decides there. This module is the only place that starts ``autocast``.
"""

import logging
import os
import platform
import time
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from nuanced_speech.core.errors import UserError

ENVIRONMENT = "NUANCED_SPEECH_PRECISION"
"""Environment variable that overrides the choice: ``float32`` or ``bfloat16``."""

_NAMES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# Share of float32's time that bfloat16 may take: less gain is not worth its rounding.
_WORTHWHILE = 0.9
_REPEATS = 3
# Channels, kernel size and frames of the measured convolutions: those of Kokoro's generator, where most time goes.
_CONVOLUTIONS = ((256, 7, 400), (128, 11, 800))

log = logging.getLogger(__name__)


def fast_dtype(device: str | torch.device = "cpu") -> torch.dtype:
    """``torch.bfloat16`` where ``device`` computes it faster than float32, else ``torch.float32``.

    Decided once a process. The environment variable ``NUANCED_SPEECH_PRECISION`` overrides the choice for every device.
    """
    chosen = _NAMES.get(os.environ.get(ENVIRONMENT, ""))
    return chosen or _fast_dtype(torch.device(device).type)


def choose(name: str, device: str | torch.device) -> torch.dtype:
    """The precision by its name: ``float32``, ``bfloat16``, or ``auto`` for ``fast_dtype(device)``.

    ``bfloat16`` becomes float32, with a message, where the device computes it no faster.

    Raises:
        UserError: another name.
    """
    if name not in (*_NAMES, "auto"):
        raise UserError(f"unknown precision {name!r}: choose auto, float32 or bfloat16")
    fast = fast_dtype(device)
    if name == "bfloat16" and fast == torch.float32:
        say_no_faster()
    return torch.float32 if name == "float32" else fast


def sound_dtype(device: str | torch.device) -> torch.dtype:
    """Number format of the layers that bear it in networks that make sound: float32 on processors, whose outputs do not
    depend on what they compute faster; on a GPU, ``fast_dtype``."""
    return fast_dtype(device) if torch.device(device).type == "cuda" else torch.float32


@cache
def say_no_faster() -> None:
    """Say, once a process, that float32 is used in place of bfloat16."""
    log.info("float32 is used: this processor computes bfloat16 no faster")


def autocast(device: str | torch.device, dtype: torch.dtype | None = None) -> torch.autocast:
    """Context in which networks on ``device`` compute in ``dtype``, by default in ``fast_dtype(device)``.

    ``torch.float32`` disables it.
    """
    device = torch.device(device)
    dtype = dtype or fast_dtype(device)
    half = dtype != torch.float32
    # torch accepts no float32 here, not even where it is disabled
    return torch.autocast(device.type, dtype if half else torch.bfloat16, enabled=half)


def name_of(dtype: torch.dtype) -> str:
    """``float32``, ``bfloat16`` …"""
    return str(dtype).removeprefix("torch.")


@cache
def _fast_dtype(device_type: str) -> torch.dtype:
    if device_type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device_type != "cpu":
        return torch.float32
    return cpu_dtype(_cpu_may_compute_bfloat16, _bfloat16_share)


def cpu_dtype(has_kernels: Callable[[], bool], share: Callable[[], float]) -> torch.dtype:
    """The format of a processor that has kernels for bfloat16 or not, and whose time with them is some share of that
    in float32; it is measured only where there are any."""
    return torch.bfloat16 if has_kernels() and share() <= _WORTHWHILE else torch.float32


def _cpu_may_compute_bfloat16() -> bool:
    """Whether oneDNN has bfloat16 kernels here. On ARM its flag does not tell, so the measurement alone decides."""
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):  # a torch without oneDNN
        return False


def _bfloat16_share() -> float:
    """Time of some convolutions and a matrix product in bfloat16 as a share of their time in float32.

    The fastest of interleaved repeats counts, so that other processes disturb little. Stops as soon as bfloat16 is
    found to be hopeless, since a scalar loop takes seconds.
    """
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        networks: list[tuple[nn.Module, Tensor]] = [
            (nn.Conv1d(channels, channels, kernel, padding=kernel // 2), torch.randn(1, channels, frames))
            for channels, kernel, frames in _CONVOLUTIONS
        ]
        networks.append((nn.Linear(512, 512), torch.randn(800, 512)))
        best = {torch.float32: [float("inf")] * len(networks), torch.bfloat16: [float("inf")] * len(networks)}
        for _ in range(1 + _REPEATS):
            for k, (network, x) in enumerate(networks):
                for dtype, times in best.items():
                    with autocast("cpu", dtype):
                        started = time.perf_counter()
                        network(x)
                        times[k] = min(times[k], time.perf_counter() - started)
                if best[torch.bfloat16][k] > 5 * best[torch.float32][k] + 0.02:
                    return float("inf")
    share = sum(best[torch.bfloat16]) / sum(best[torch.float32])
    log.debug("bfloat16 takes %.2f of float32's time", share)
    return share
