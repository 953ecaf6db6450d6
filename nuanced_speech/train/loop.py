"""The training loop of all trainers; ``run`` reads from top to bottom.

A trainer is a ``Recipe``: it knows its networks, its data and its losses. The loop knows everything else: resuming, the
progress bar, the log, checkpoints, the time limit, and a loss that is not a number any more. Everything random in a
step depends on the seed and the step alone, so a run that was interrupted and resumed ends with the same weights, bit
for bit, as one that was not.

Several processes run the same loop on their rows of each batch (``processes``): all step, and the main one measures,
writes and decides when time is over.
"""

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import above_bars, step_bar
from nuanced_speech.train import checkpoint
from nuanced_speech.train.board import Board
from nuanced_speech.train.processes import ALONE, Processes, Report

log = logging.getLogger(__name__)
BAR_FIGURES = 3
"""Number of figures beside the bar; more do not fit in a line."""


class Recipe(ABC):
    """What differs between trainers."""

    dtype = torch.float32
    """Precision of the networks, recorded in the checkpoint."""
    processes: Processes = ALONE
    """Processes that train together; each computes its rows of a batch and averages its gradients in ``descend``."""

    @abstractmethod
    def step(self, step: int) -> dict[str, float]:
        """Go one step down the gradient; steps count from 0. Returns figures by name, the most telling first.

        In several processes, of this process's rows; their mean over processes is that of the batch.
        """

    @abstractmethod
    def evaluate(self, step: int, board: Board | None) -> str:
        """Measure after so many steps, keep what should be kept, and return a line for the user."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything that a resumed run needs: tensors, numbers, strings, and lists and dictionaries of these."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Take over what ``state`` returned."""

    @abstractmethod
    def finish(self, step: int, board: Board | None) -> Path:
        """Write the weights after the last step, and return their path."""

    def begin(self) -> str | None:
        """Measure before the first step of a new run; a line for the user, after which a checkpoint is written."""
        return None

    def wants_to_stop(self) -> str | None:
        """Reason to stop before the last step."""
        return None

    def out_of_time(self) -> str:
        """Keep the weights when the time is over; what is known of them, for the user."""
        return ""


@dataclass(frozen=True)
class LoopConfig:
    """How a run goes.

    Attributes:
        steps: Number of steps.
        checkpoint: File of the checkpoint; a run goes on from it if it is there.
        settings: Settings that shape the weights; a checkpoint of others is refused.
        unnamed: What settings were before there was a choice, for checkpoints of that time.
        every: Number of steps between evaluations, each followed by a checkpoint.
        at_first: Also evaluate after the first step, so that a mistake shows early.
        log_every: Number of steps between figures in the log and beside the bar.
        minutes: Minutes after which the run stops, with a checkpoint; None or 0 for no limit.
        title: Name in front of the bar.
    """

    steps: int
    checkpoint: Path
    settings: dict[str, str]
    every: int
    at_first: bool = False
    log_every: int = 1
    minutes: float | None = None
    title: str = "training"
    unnamed: dict[str, str] = field(default_factory=dict)


def run(
    recipe: Recipe,
    config: LoopConfig,
    report: Report = log.info,
    open_board: Callable[[int], Board] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Path:
    """Train, or go on from the checkpoint; returns the path of the weights.

    Args:
        recipe: what is trained, and on what.
        config: how the run goes.
        report: takes lines for the user.
        open_board: opens a log of TensorBoard that goes on after a step; None for no log.
        clock: seconds, for the time limit.

    Raises:
        UserError: the checkpoint is of other settings, or the loss is not a number any more.
    """
    began = clock()
    processes = recipe.processes
    report, open_board = processes.only_main(report), open_board if processes.main else None
    checkpoints = Checkpointer(recipe, config)
    step = checkpoints.resume(report)
    with open_board(step) if open_board else nullcontext() as board:
        with step_bar(None, config.title, config.steps, step, unit="step", disable=not processes.main) as bar:
            while step < config.steps:
                if reason := recipe.wants_to_stop():
                    above_bars(report, f"{reason}: stopped at step {step}")
                    break
                if config.minutes and processes.agreed(lambda: clock() - began > 60 * (config.minutes or 0)):
                    checkpoints.save(step)
                    ended = processes.agreed(recipe.out_of_time)
                    above_bars(report, f"{config.minutes:g} minutes are over after step {step}{ended and ': ' + ended}")
                    break
                figures = processes.mean(recipe.step(step))
                step += 1
                check_finite(figures, step)
                bar.update()
                if step % config.log_every == 0 or step == 1:
                    if board:
                        board.scalars("train", figures, step)
                    first_figures = list(figures.items())[:BAR_FIGURES]
                    bar.set_postfix({name: f"{value:.3f}" for name, value in first_figures}, refresh=False)
                if step % config.every == 0 or step == config.steps or (config.at_first and step == 1):
                    line = processes.agreed(partial(recipe.evaluate, step, board))
                    checkpoints.save(step)
                    above_bars(report, f"step {step}: {line}")
        return processes.agreed(partial(recipe.finish, step, board))


class Checkpointer:
    """Writes the checkpoints of a run, in the main process, and reads the last one, in all."""

    def __init__(self, recipe: Recipe, config: LoopConfig) -> None:
        self.recipe, self.path, self.settings = recipe, config.checkpoint, config.settings
        self.unnamed = config.unnamed
        self.precisions = checkpoint.precisions_with({}, 0, recipe.dtype)

    def resume(self, report: Report) -> int:
        """Restore the recipe from the checkpoint, or begin afresh where there is none; the number of steps done.

        Raises:
            UserError: the checkpoint is damaged, or was made with other settings.
        """
        processes = self.recipe.processes
        if not processes.agreed(self.path.is_file):
            line = processes.agreed(self.recipe.begin)
            if line:
                self.save(0)
                report(line)
            return 0
        state = checkpoint.load(self.path)
        checkpoint.check_same(self.path, state.get("settings"), self.settings, self.unnamed)
        try:
            self.recipe.restore(state)
            step = int(state["step"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise UserError(f"{self.path} is of an earlier version: remove it and train afresh") from error
        self.precisions = checkpoint.precisions_with(state, step, self.recipe.dtype)
        # nobody writes the next one while another still reads this one
        processes.wait()
        report(f"going on after step {step}")
        return step

    def save(self, step: int) -> None:
        """Write a checkpoint after so many steps."""
        if not self.recipe.processes.main:
            return
        state = {"settings": self.settings, "step": step, "precisions": self.precisions}
        checkpoint.save(self.path, state | self.recipe.state())


def check_finite(figures: dict[str, float], step: int) -> None:
    """Refuse to go on where a figure is infinite or not a number.

    Raises:
        UserError: names the step.
    """
    if not all(math.isfinite(value) for value in figures.values()):
        raise UserError(f"the loss is not a number any more at step {step}: train with a smaller lr")


def seeded(seed: int, step: int, processes: Processes = ALONE) -> np.random.Generator:
    """The random numbers of a step, the same in all processes; those of torch are seeded by them, other ones in each
    process, so that no two drop the same."""
    rng = np.random.default_rng([seed, step])
    torch.manual_seed(int(rng.integers(1 << 31)) + processes.rank)
    return rng
