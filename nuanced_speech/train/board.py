"""TensorBoard's log of a run."""

from pathlib import Path


class Board:
    """The log; what it holds from ``step`` on is dropped, to be written again after a resume."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder), purge_step=step + 1)

    def scalars(self, group: str, figures: dict[str, float], step: int) -> None:
        """Figures, by name."""
        for name, value in figures.items():
            self.writer.add_scalar(f"{group}/{name}", value, step)

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()
