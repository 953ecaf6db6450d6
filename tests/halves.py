"""Two processes of a training, one after the other in the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest
import torch

from nuanced_speech.train.processes import ALONE, Processes


@dataclass(frozen=True)
class Half(Processes):
    """One of two processes, without the other: its gradients and figures stay its own."""

    count: int = 2

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        pass

    def mean(self, figures: dict[str, float]) -> dict[str, float]:
        return figures


def check_halves(figures_of: Callable[[Processes], dict[str, float]]) -> None:
    """The mean of both halves' figures is what one process finds, and neither half finds it alone."""
    whole, first, second = (figures_of(processes) for processes in (ALONE, Half(0), Half(1)))
    assert {name: (first[name] + second[name]) / 2 for name in whole} == pytest.approx(whole, rel=1e-3, abs=1e-5)
    name = next(iter(whole))
    assert first[name] != pytest.approx(whole[name], rel=1e-3)
