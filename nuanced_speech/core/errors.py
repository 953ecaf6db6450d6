"""The one exception that stands for a user's mistake."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Something the user can put right: one line that says what was wrong and what to do.

    The command line prints it without a traceback and exits with the status ``exit_status``.
    """

    exit_status = 1


class NoSpeechError(UserError):
    """A recording in which nobody speaks."""

    exit_status = 3


class ArrayError(UserError, ValueError):
    """An array that was given as a recording and is none."""


class ContentError(ValueError):
    """What is wrong with a file's content, in a few words for the message of ``reading``."""


@contextmanager
def reading(path: Path, what: str, remedy: str) -> Iterator[None]:
    """Around the reading of a file, and nothing else: whatever a library raises there becomes one line.

    Args:
        path: the file, which the message names.
        what: the kind of file: ``a corpus shard``.
        remedy: what to do, as the end of a sentence: ``remove it and run again``.

    Raises:
        UserError: anything went wrong inside, but for a name or a package that is missing, which no file can cause.
    """
    try:
        yield
    except (UserError, NameError, ImportError):
        raise
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; {remedy}") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UserError(f"{path}: cannot be read as {what} ({reason}); {remedy}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except Exception as error:
        raise UserError(f"{path}: not {what}, or damaged ({_reason(error)}); {remedy}") from error


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
    except (UserError, NameError, ImportError):
        raise
    except Exception as error:
        raise UserError(f"{path}: not a {what} of this version, or damaged ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, ContentError) else type(error).__name__
