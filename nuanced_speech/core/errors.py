"""The one exception that stands for a user's mistake."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Something the user can put right: one line that says what was wrong and what to do.

    The command line prints it without a traceback and exits with status 1.
    """


@contextmanager
def reading_weights(path: Path, what: str, command: str) -> Iterator[None]:
    """Around the reading of a file of weights.

    Raises:
        UserError: no such file, with the command that makes one; or whatever goes wrong inside.
    """
    if not path.is_file():
        raise UserError(f"{path}: no {what} there; make one with: {command}")
    try:
        yield
    except Exception as error:
        raise UserError(f"{path}: not a {what} of this version, or damaged ({type(error).__name__})") from error
