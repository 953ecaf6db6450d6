"""Which sounds follow which in English: an n-gram model of Kokoro's phoneme symbols, for telling what was meant where
the ear alone cannot.

The counts are those of Kneser & Ney 1995: a shorter n-gram counts once for every different symbol that was seen in
front of it. The probability of a symbol after a context mixes its share there with its probability after the context
that is one symbol shorter, which weighs the more the more different symbols followed (Witten & Bell 1991).
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from nuanced_speech.audio import replacing
from nuanced_speech.errors import reading_weights

WEIGHTS = Path(__file__).parent / "data" / "phoneme_lm.safetensors"
# Every mark of punctuation is a pause, and written as this one.
PAUSE = ","
PUNCTUATION = frozenset(';:,.!?—…"()“”')
BITS = 6
# How many sightings the shorter context weighs for each symbol that followed the longer one: of 2, 3, 4
# and 6 on transcripts of other books: 2.17, 2.13, 2.10, 2.09 bits a symbol; Kneser-Ney's own discount: 2.21.
BACKOFF = 4.0


@dataclass
class PhonemeLM:
    """Counts of n-grams.

    Attributes:
        symbols: the characters that it knows; a symbol's number is its place.
        codes: for each order from 1, its n-grams as numbers of ``BITS`` a symbol, ascending, uint64.
        counts: how often each was seen, uint16, 65535 at most; below the highest order, behind how many
            different symbols.
    """

    symbols: str
    codes: list[np.ndarray]
    counts: list[np.ndarray]
    _known: dict[tuple[int, ...], np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def order(self) -> int:
        return len(self.codes)

    def probabilities(self, context: tuple[int, ...]) -> np.ndarray:
        """Of every symbol ``[len(symbols)]`` to come next, after symbols given by number; all above zero."""
        context = context[max(len(context) - self.order + 1, 0) :]
        if context not in self._known:
            self._known[context] = self._interpolated(context)
        return self._known[context]

    def _interpolated(self, context: tuple[int, ...]) -> np.ndarray:
        codes, counts = self.codes[len(context)], self.counts[len(context)]
        if not context:
            seen = np.full(len(self.symbols), 0.1)
            seen[codes.astype(np.int64)] += counts
            return seen / seen.sum()
        shorter = self.probabilities(context[1:])
        prefix = 0
        for symbol in context:
            prefix = prefix << BITS | symbol
        # n-grams that begin alike stand together
        first, last = np.searchsorted(codes, np.array([prefix << BITS, prefix + 1 << BITS], np.uint64))
        if first == last:
            return shorter
        probabilities = shorter * (BACKOFF * (last - first))
        probabilities[(codes[first:last] & np.uint64((1 << BITS) - 1)).astype(np.int64)] += counts[first:last]
        return probabilities / (counts[first:last].sum(dtype=np.int64) + BACKOFF * (last - first))

    def forget(self) -> None:
        """Free what was remembered of contexts asked for."""
        self._known.clear()

    def numbers(self, phonemes: str) -> np.ndarray:
        """A phoneme string as symbol numbers, punctuation as pauses, what the model does not know left out."""
        place = {symbol: number for number, symbol in enumerate(self.symbols)}
        plain = (PAUSE if symbol in PUNCTUATION else symbol for symbol in phonemes)
        return np.array([place[symbol] for symbol in plain if symbol in place], np.int64)

    def bits(self, phonemes: str) -> float:
        """Mean surprise of a phoneme string, in bits a symbol."""
        numbers = tuple(int(number) for number in self.numbers(phonemes))
        seen = [self.probabilities(numbers[max(i - self.order, 0) : i])[n] for i, n in enumerate(numbers)]
        return float(-np.log2(seen).mean())

    def save(self, path: Path) -> None:
        """Write everything as safetensors; an old file stays until the new is whole."""
        tensors = {f"codes.{n}": codes for n, codes in enumerate(self.codes)}
        tensors |= {f"counts.{n}": counts for n, counts in enumerate(self.counts)}
        with replacing(path) as temporary:
            save_file(tensors, temporary, {"symbols": self.symbols, "order": str(self.order)})

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "PhonemeLM":
        """The model of a file written by ``save``; the packaged one by default.

        Raises:
            UserError: no such file, or not a model.
        """
        command = "nuanced-speech train phonemes TEXT"
        with reading_weights(path, "phoneme model", command), safe_open(path, "numpy") as file:
            metadata = file.metadata()
            orders = range(int(metadata["order"]))
            codes, counts = ([file.get_tensor(f"{name}.{n}") for n in orders] for name in ("codes", "counts"))
            return cls(metadata["symbols"], codes, counts)
