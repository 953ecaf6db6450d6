"""TensorBoard's log of a run, and colours of its pictures. Imports TensorBoard and Matplotlib when they are used."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from nuanced_speech.core.errors import UserError


def optional(module: str, extra: str) -> Any:
    """A module that only an extra installs.

    Raises:
        UserError: it is not installed; names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        missing = "tensorboard" if name == "torch" else name
        raise UserError(f'{missing} is not installed: pip install "nuanced-speech[{extra}]"') from error


class Board:
    """The log; what it holds from ``step`` on is dropped, to be written again after a resume.

    Raises:
        UserError: TensorBoard is not installed, or Matplotlib where the log has pictures.
    """

    pictures = False

    def __init__(self, folder: Path, step: int = 0) -> None:
        if self.pictures:
            # now, and not in the middle of a training
            optional("matplotlib", "plots")
        self.writer = optional("torch.utils.tensorboard", "train").SummaryWriter(str(folder), purge_step=step + 1)

    def scalars(self, group: str, figures: dict[str, float], step: int) -> None:
        """Figures, by name."""
        for name, value in figures.items():
            self.writer.add_scalar(f"{group}/{name}", value, step)

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is left."""
        self.writer.close()


def new_figure(**options: Any) -> Any:
    """An empty figure of Matplotlib that is drawn without a screen; ``options`` as its ``Figure`` takes them.

    Raises:
        UserError: Matplotlib is not installed.
    """
    figure = optional("matplotlib.figure", "plots").Figure(**options)
    optional("matplotlib.backends.backend_agg", "plots").FigureCanvasAgg(figure)
    return figure


def coloured(values: np.ndarray, colours: str) -> np.ndarray:
    """Numbers ``[H, W]`` from 0 to 1 as colours ``[H, W, 3]`` of a colour map.

    Raises:
        UserError: Matplotlib is not installed.
    """
    return optional("matplotlib", "plots").colormaps[colours](values)[..., :3]
