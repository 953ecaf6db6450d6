"""Optimizers of torch that do not import its compiler, which would take seconds of the first conversion."""

import inspect
from typing import Any

import torch


class _WithoutCompiler(torch.optim.Optimizer):
    # torch hides these two from its compiler, and imports it for that at their first call

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        inspect.unwrap(torch.optim.Optimizer.add_param_group)(self, param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        inspect.unwrap(torch.optim.Optimizer.zero_grad)(self, set_to_none)


class LBFGS(_WithoutCompiler, torch.optim.LBFGS):
    """As ``torch.optim.LBFGS``, to the bit."""


class Adam(_WithoutCompiler, torch.optim.Adam):
    """As ``torch.optim.Adam``, to the bit."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step down the gradients."""
        return inspect.unwrap(torch.optim.Adam.step)(self, closure)
