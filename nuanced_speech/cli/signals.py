"""How a command ends that is told to stop, or whose output is not taken."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

# Signals besides Ctrl-C that end a command; a closed terminal sends SIGHUP, which Windows does not have.
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Terminated(SystemExit):
    """A signal to end; as an exception, so that everything that cleans up does. The exit status is 128 + its number."""


class Ending:
    """Whether a signal to end has come. The exception that it raises is lost where a library is in the middle of its
    own code, which then fails with one of its own.

    Attributes:
        number: of the signal; None as long as none has come.
    """

    def __init__(self) -> None:
        self.number: int | None = None

    def terminate(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal that ends a command."""
        self.number = number
        raise Terminated(128 + number)

    def interrupt(self, number: int, _frame: FrameType | None) -> None:
        """Handle Ctrl-C."""
        self.number = number
        raise KeyboardInterrupt


@contextmanager
def ending_in_order() -> Iterator[Ending]:
    """Inside, SIGTERM and SIGHUP raise ``Terminated``. Signals that are ignored, as under ``nohup``, stay ignored."""
    ending = Ending()
    if threading.current_thread() is not threading.main_thread():
        yield ending
        return
    before = {number: signal.getsignal(number) for number in (*_ENDING, signal.SIGINT)}
    try:
        for number, handler in before.items():
            if handler == signal.SIG_DFL and number != signal.SIGINT:
                signal.signal(number, ending.terminate)
            elif handler == signal.default_int_handler:
                signal.signal(number, ending.interrupt)
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def flush_output() -> OSError | None:
    """Write out what is buffered; the error, if standard output takes it no more.

    Nothing is written to it from then on, or Python would report that a second time at exit.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        drop_output()
        return error
    except ValueError:  # closed
        pass
    return None


def drop_output() -> None:
    """Standard output leads nowhere from now on."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
