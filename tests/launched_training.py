"""Trainings for ``test_processes`` to start in several processes: one broken off, one gone on with, and one from the
command line.

Arguments: data, weights that the second starts from, folder for the results.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from decoder_shards import SMALL

from nuanced_speech.cli.app import main
from nuanced_speech.train.configs import FastDecoderTraining
from nuanced_speech.train.fast_decoder import FastDecoderRecipe
from nuanced_speech.train.loop import LoopConfig, run
from nuanced_speech.train.processes import Processes, join

OPTIONS = SMALL | {
    "steps": 4, "batch_size": 4, "crop_seconds": 0.4, "checkpoint_every": 2, "measured": 1, "device": "cpu",
    "precision": "float32",
}  # fmt: skip


class Recorded(FastDecoderRecipe):
    """Notes the figures of each step, and stops after so many steps."""

    def __init__(self, config: FastDecoderTraining, processes: Processes, last: int) -> None:
        super().__init__(config, processes)
        self.last, self.curve = last, list[dict[str, float]]()

    def step(self, step: int) -> dict[str, float]:
        self.curve.append(self.processes.mean(super().step(step)))
        return self.curve[-1]

    def wants_to_stop(self) -> str | None:
        return "enough" if len(self.curve) == self.last else None


def adversarial(data: Path, start: Path, out: Path) -> FastDecoderTraining:
    """The stage with all losses."""
    return FastDecoderTraining(data, out, stage="adversarial", start=start, **OPTIONS)  # type: ignore[arg-type]


def record(config: FastDecoderTraining, processes: Processes, last: int) -> list[dict[str, float]]:
    """Figures of the first steps; the checkpoint stays in ``config.out``."""
    config.out.mkdir(parents=True, exist_ok=True)
    recipe = Recorded(config, processes, last)
    path = config.out / "fast_decoder_checkpoint.pt"
    run(recipe, LoopConfig(config.steps, path, recipe.settings, config.checkpoint_every), lambda line: None)
    return recipe.curve


if __name__ == "__main__":
    data, start, out = map(Path, sys.argv[1:])
    processes = join("cpu")
    assert processes.count == 2, "two processes are needed"
    # one from its beginning, and one that a single process has begun
    curves = [record(adversarial(data, start, out / name), processes, 2) for name in ("parts", "grown")]
    if processes.main:
        (out / "curves.json").write_text(json.dumps(curves))
    given = [text for name, value in OPTIONS.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    sys.argv = ["nuanced-speech", "train", "decoder", str(data), "--out", str(out / "whole"), *given]
    main()
