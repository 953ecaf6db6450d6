"""Sound that is written as it comes, and kept when the program is told to stop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from nuanced_speech.audio import AudioWriter


class _Nothing(Exception):
    """There was no sound, so that there is no file."""


@contextmanager
def recorder(path: Path | None) -> Iterator[Callable[[np.ndarray], None]]:
    """Yields a function that writes ``[T]`` at 24 kHz; threads may share it, and after the block it does nothing.

    The file gets its name when the block ends, also by Ctrl-C or a signal (``SystemExit``): what was written until then
    is kept. After another error there is no file, and neither where nothing was written.

    Args:
        path: the file; None for none.

    Raises:
        UserError: it cannot be written.
    """
    if path is None:
        yield lambda wave: None
        return
    lock, written, going, stop = threading.Lock(), 0, True, None

    with suppress(_Nothing), AudioWriter(path) as writer:

        def write(wave: np.ndarray) -> None:
            nonlocal written
            with lock:
                if going:
                    writer.write(wave)
                    written += len(wave)

        try:
            yield write
        except (KeyboardInterrupt, SystemExit) as error:
            stop = error
        finally:
            with lock:
                going = False
        if not written:
            raise _Nothing
    if stop is not None:
        raise stop
