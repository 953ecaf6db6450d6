"""One training in several processes: whose rows of a batch are whose, and means over all processes.

Every process draws the same random numbers for a whole batch and computes its own rows of it. Gradients are averaged
before each step of an optimizer, so that all processes hold the same weights at any time; only the main process writes.
``accelerate launch`` or ``torchrun`` starts the processes; accelerate is imported where there are several of them.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from nuanced_speech.core.errors import UserError
from nuanced_speech.train.board import optional

PATIENCE = timedelta(hours=24)
"""Longest wait for another process: the main one may prepare the data of all for hours."""
T = TypeVar("T")
Report = Callable[[str], None]
"""Called with a line for the user."""


@dataclass(frozen=True)
class Processes:
    """The processes of a training, as one of them sees them; by default it is alone.

    Attributes:
        rank: number of this process; the main one is 0.
        count: number of processes.
        device: device on which they exchange tensors.
    """

    rank: int = 0
    count: int = 1
    device: str = "cpu"

    @property
    def main(self) -> bool:
        """This process writes checkpoints, reports and weights."""
        return self.rank == 0

    def check_batch(self, size: int, name: str = "batch_size") -> None:
        """Refuse a batch that cannot be divided equally.

        Raises:
            UserError: names the size and the number of processes.
        """
        if size % self.count:
            raise UserError(f"{name} is {size}: with {self.count} processes give a multiple of {self.count}")

    def only_main(self, report: Report) -> Report:
        """What takes lines for the user; those of other processes are dropped."""
        return report if self.main else _ignore

    def rows(self, size: int) -> slice:
        """This process's rows of a batch: every ``count``-th."""
        return slice(self.rank, size, self.count)

    def share(self, part: float, whole: float) -> float:
        """Factor of a mean over ``part`` of the ``whole`` batch (frames, tokens …), after which the mean over processes
        is the mean over the batch."""
        return self.count * part / whole if self.count > 1 else 1.0

    @torch.no_grad()
    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their mean over processes; one that a process lacks counts as zeros there."""
        if self.count == 1:
            return
        learned = [parameter for parameter in parameters if parameter.requires_grad]
        have = torch.tensor([float(parameter.grad is not None) for parameter in learned])
        flat = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten().float() for p in learned]
        total = self._mean(torch.cat([have.to(flat[0].device), *flat]))
        anywhere, start = total[: len(learned)].tolist(), len(learned)
        for parameter, present in zip(learned, anywhere, strict=True):
            mean = total[start : start + parameter.numel()].view_as(parameter)
            start += parameter.numel()
            if present:
                parameter.grad = mean.to(parameter.dtype)

    def mean(self, figures: dict[str, float]) -> dict[str, float]:
        """Figures of a step, averaged over processes; all processes need the same names."""
        if self.count == 1:
            return figures
        values = self._mean(torch.tensor(list(figures.values()), dtype=torch.float64))
        return dict(zip(figures, values.tolist(), strict=True))

    def agreed(self, decide: Callable[[], T]) -> T:
        """What the main process decides, in all of them; the others do not call ``decide``."""
        if self.count == 1:
            return decide()
        from accelerate.utils import broadcast_object_list

        values: list[Any] = [decide() if self.main else None]
        return broadcast_object_list(values)[0]

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if self.count > 1:
            from accelerate.utils import wait_for_everyone

            wait_for_everyone()

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The main process does the block first, so that the others find what it wrote."""
        if not self.main:
            self.wait()
        yield
        if self.main:
            self.wait()

    def _mean(self, tensor: Tensor) -> Tensor:
        from accelerate.utils import reduce

        return reduce(tensor.to(self.device), "mean").to(tensor.device)


def _ignore(line: str) -> None:
    """A line that the main process says too."""


ALONE = Processes()


def place() -> tuple[int, int]:
    """Rank and number of processes as a launcher tells them by environment variables; 0 and 1 without one."""
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def join(device: str) -> Processes:
    """Join the processes that a launcher started.

    Args:
        device: name of the device to train on; those that begin with ``cpu`` exchange gradients by gloo.

    Raises:
        UserError: there are several processes, and accelerate is not installed.
    """
    if place()[1] == 1:
        return ALONE
    return _join(device.startswith("cpu") or not torch.cuda.is_available())


@cache
def _join(on_cpu: bool) -> Processes:
    state = optional("accelerate", "distributed").PartialState(cpu=on_cpu, timeout=PATIENCE)
    return Processes(state.process_index, state.num_processes, str(state.device))


def only_one(reason: str) -> None:
    """Refuse to train in several processes.

    Raises:
        UserError: says why a batch cannot be divided here.
    """
    if place()[1] > 1:
        raise UserError(f"{reason}, so this trains in one process: start it without a launcher")
