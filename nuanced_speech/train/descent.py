"""One step down a gradient, and the moving average of the weights that such steps lead to."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from nuanced_speech.train.processes import ALONE, Processes


def descend(
    optimizer: torch.optim.Optimizer,
    parameters: Iterable[nn.Parameter],
    loss: Tensor,
    largest_gradient: float = 1.0,
    processes: Processes = ALONE,
) -> None:
    """One step of an optimizer.

    Args:
        optimizer: optimizer whose learning rates are set.
        parameters: parameters whose gradients are averaged over processes and clipped together: all of the optimizer's.
        loss: scalar to minimise; in several processes, the mean over their losses is minimised.
        largest_gradient: norm that the gradients are clipped to; infinity leaves them as they are.
        processes: processes that train together.
    """
    parameters = list(parameters)
    optimizer.zero_grad()
    loss.backward()
    processes.average_gradients(parameters)
    if math.isfinite(largest_gradient):
        nn.utils.clip_grad_norm_(parameters, largest_gradient)
    optimizer.step()


class WeightAverage:
    """Exponential moving average of tensors by name, short at first: after n steps its momentum is n / (n + 9), until
    this exceeds ``momentum``.

    ``torch.optim.swa_utils.AveragedModel`` takes over the weights of its first update as they are, and copies the whole
    network with everything that is frozen; both would change the results here.
    """

    def __init__(self, tensors: Mapping[str, Tensor], momentum: float) -> None:
        self.momentum = momentum
        self.tensors = {name: value.detach().clone() for name, value in tensors.items()}

    @torch.no_grad()
    def update(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Move towards the weights after ``step``, which counts from 0."""
        share = 1 - min(self.momentum, (step + 1) / (step + 10))
        for name, mean in self.tensors.items():
            mean.lerp_(tensors[name].detach(), share)

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over an earlier average.

        Raises:
            KeyError, RuntimeError: names or shapes differ.
        """
        for name, mean in self.tensors.items():
            mean.copy_(tensors[name])
