"""A file that remembers what went wrong in it, for libraries that do not ask."""

from pathlib import Path


class CheckedFile:
    """A new file for libsndfile, whose MP3 encoder ignores that a disk is full when it ends.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Number of bytes that were written; an error is kept for ``close``."""
        try:
            written = self._file.write(data)
        except OSError as error:
            self._error = self._error or error
            return 0
        if written < len(data):
            self._error = self._error or OSError("the file is cut short")
        return written

    def read(self, size: int = -1) -> bytes:
        """As of any file."""
        return self._file.read(size) or b""

    def seek(self, place: int, whence: int = 0) -> int:
        """As of any file."""
        return self._file.seek(place, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def close(self) -> None:
        """Close it.

        Raises:
            OSError: whatever went wrong since it was opened.
        """
        self._file.close()
        if self._error is not None:
            raise self._error
