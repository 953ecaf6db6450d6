"""A share of an archive that one of several processes converts."""

import hashlib
import re
from dataclasses import dataclass

from nuanced_speech.core.errors import UserError

MOST = 100_000


@dataclass(frozen=True)
class Shard:
    """Share number ``index`` of ``count``, counted from 1. A path's share is found by its hash alone.

    Raises:
        UserError: a number that is not possible.
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count <= MOST:
            raise UserError(f"shard: there is no share {self.index} of {self.count}: give 1/4, 2/4, 3/4 and 4/4")

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """``i/n``.

        Raises:
            UserError: something else.
        """
        numbers = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text)
        if not numbers:
            raise UserError(f"shard: {text!r} is no share: give one such as 1/4")
        return cls(int(numbers[1]), int(numbers[2]))

    def has(self, path: str) -> bool:
        """Whether a path within the archive, with slashes, is in this share."""
        digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1
