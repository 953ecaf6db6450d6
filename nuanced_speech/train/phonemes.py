"""Count the phoneme model from plain text: sentences, their phonemes by misaki, counts of n-grams."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from nuanced_speech import text
from nuanced_speech.errors import UserError
from nuanced_speech.phoneme_lm import BITS, PAUSE, PUNCTUATION, PhonemeLM

ORDER = 7
# n-grams of three symbols and more that were seen less often are forgotten: most of the file, none of the use.
LEAST = 3
# A symbol that is rarer than this came from a slip of the pronunciation rules.
RAREST = 1e-5
_WORDS_AT_ONCE = 400


def count(strings: Iterable[str], order: int = ORDER, least: int = LEAST) -> PhonemeLM:
    """A model of phoneme strings.

    Raises:
        UserError: too little to count, or more kinds of symbol than fit.
    """
    joined = PAUSE.join(strings)
    joined = "".join(PAUSE if symbol in PUNCTUATION else symbol for symbol in joined)
    joined = re.sub(rf"\s*{PAUSE}[\s{PAUSE}]*", f"{PAUSE} ", joined)
    seen = Counter(joined)
    symbols = "".join(sorted(s for s, times in seen.items() if times > max(RAREST * len(joined), 1)))
    if len(joined) < 1000 or len(symbols) > 1 << BITS:
        raise UserError(f"{len(joined)} phonemes of {len(symbols)} kinds: give more text, and only English")
    place = {symbol: number for number, symbol in enumerate(symbols)}
    numbers = np.array([place[symbol] for symbol in joined if symbol in place], np.uint64)
    codes: list[np.ndarray] = []
    counts: list[np.ndarray] = []
    longer: np.ndarray | None = None
    for n in range(order, 0, -1):
        if longer is None:
            grams = np.zeros(len(numbers) - n + 1, np.uint64)
            for k in range(n):
                grams = grams << np.uint64(BITS) | numbers[k : len(numbers) - n + 1 + k]
        else:
            # a shorter n-gram counts once for every different symbol that it was seen behind
            grams = longer & np.uint64((1 << BITS * n) - 1)
        longer, times = np.unique(grams, return_counts=True)
        often = times >= (least if n > 2 else 1)
        codes.insert(0, longer[often])
        counts.insert(0, times[often].clip(max=np.iinfo(np.uint16).max).astype(np.uint16))
    return PhonemeLM(symbols, codes, counts)


def phoneme_strings(files: list[Path]) -> Iterator[str]:
    """Phonemes of text files, some sentences at a time, with a progress bar; numbers and headings are left out.

    Raises:
        UserError: a file that cannot be read.
    """
    sentences = []
    for file in files:
        try:
            written = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: not a readable text file ({type(error).__name__})") from error
        plain = re.sub(r"\s+", " ", re.sub(r'[_"“”]', "", written))
        sentences += re.split(r"(?<=[.!?])\s+", plain)
    sentences = [s for s in sentences if 2 <= len(s.split()) <= 80 and re.search("[a-z]", s)]
    sentences = [s for s in sentences if not re.search(r"\d|[A-Z]{3}", s)]
    together: list[str] = []
    for number, sentence in enumerate(tqdm(sentences, "phonemes", unit="sentence")):
        together.append(sentence)
        if sum(len(s.split()) for s in together) > _WORDS_AT_ONCE or number + 1 == len(sentences):
            yield text.phonemize(" ".join(together))
            together = []
