"""A pronunciation dictionary of one's own: words and how they are spoken."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.reading import read_text
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.text.notation import guarded

_MAX_BYTES = 10_000_000


@dataclass(frozen=True)
class Dictionary:
    """Words, each with a pronunciation (``/ipa/``) or a respelling.

    Attributes:
        entries: pronunciation or respelling by word. A word in lower case stands for its capitalised forms too.
    """

    entries: dict[str, str]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        words = sorted(self.entries, key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)

    def applied(self, text: str) -> str:
        """A text with the notation of pronunciations, or respellings, in place of the dictionary's words."""
        return guarded(text, lambda plain: self._pattern.sub(self._spoken, plain)) if self.entries else text

    def _spoken(self, match: re.Match[str]) -> str:
        entry = self.entries.get(match[0]) or self.entries.get(match[0].lower())
        if entry is None:
            return match[0]
        return f"[{match[0]}]({entry})" if entry.startswith("/") else entry


def read_dictionary(path: str | Path) -> Dictionary:
    """The dictionary in a file of lines ``word<TAB>/ipa/`` or ``word<TAB>respelling``; a # begins a note.

    Raises:
        UserError: no such file, not text in UTF-8, a line without two columns, or IPA without a symbol of Kokoro's.
    """
    path = Path(path)
    lines = read_text(
        path, "a dictionary", "give lines of a word, a tab and its pronunciation", _MAX_BYTES
    ).splitlines()
    entries = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        word, _, pronunciation = (part.strip() for part in line.partition("\t"))
        if not word or not pronunciation or "\t" in pronunciation or re.search(r"[\[\]]", word + pronunciation):
            raise UserError(f"dictionary: line {number} of {path} is not a word, a tab and its pronunciation")
        if pronunciation.startswith("/") and not (
            len(pronunciation) > 2 and pronunciation.endswith("/") and _sounds(pronunciation)
        ):
            raise UserError(f"dictionary: line {number} of {path} is no pronunciation in IPA, such as /kˈOkəɹO/")
        entries[word] = pronunciation
    return Dictionary(entries)


def _sounds(pronunciation: str) -> bool:
    inner = pronunciation[1:-1]
    return not re.search("[()/]", inner) and any(symbol in vocabulary() and symbol.isalpha() for symbol in inner)
