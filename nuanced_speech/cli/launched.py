"""Commands that a launcher of several processes may have started (``accelerate launch``)."""

from pathlib import Path


def print_once(path: Path) -> None:
    """Print the path of the weights, in the main process alone."""
    from nuanced_speech.train.processes import place

    if place()[0] == 0:
        print(path)


def refuse_several() -> None:
    """Refuse several processes, which would do the same work and write the same files.

    Raises:
        UserError: there are several.
    """
    from nuanced_speech.train.processes import only_one

    only_one("this work is not divided among processes")
