"""Learning rates over a training."""

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class WarmCosine:
    """Linear warm-up, then half a cosine (Loshchilov and Hutter 2017); called with a step it gives the share of the
    highest rate.

    Attributes:
        steps: Number of steps of the training.
        warmup: Number of steps until the highest rate.
        last: Share of the highest rate at the end.
        begins: Step at which the cosine begins; the end of the warm-up if None.
        ends: Step at which ``last`` is reached; ``steps`` if None.
    """

    steps: int
    warmup: int
    last: float = 0.01
    begins: int | None = None
    ends: int | None = None

    def __call__(self, step: int) -> float:
        begins = self.warmup if self.begins is None else self.begins
        ends = self.steps if self.ends is None else self.ends
        progress = min(max(step - begins, 0) / max(ends - begins, 1), 1.0)
        cosine = self.last + (1 - self.last) * (1 + math.cos(math.pi * progress)) / 2
        return min((step + 1) / self.warmup, 1) * cosine


def set_rates(optimizer: torch.optim.Optimizer, *rates: float) -> None:
    """Set the learning rate of each parameter group; one rate is for all of them."""
    groups = optimizer.param_groups
    for group, rate in zip(groups, rates * len(groups) if len(rates) == 1 else rates, strict=True):
        group["lr"] = rate
