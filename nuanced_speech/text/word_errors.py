"""Errors in words and characters of a transcript, and the edit distance behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

# Languages without spaces between words: each character counts as a word, as in Whisper's own evaluation.
UNSPACED_LANGUAGES = frozenset({"zh", "yue", "ja", "th", "lo", "my"})


@dataclass(frozen=True)
class EditCounts:
    """Counts of one edit-distance alignment with the fewest edits (and of those, the fewest substitutions)."""

    substitutions: int
    deletions: int
    insertions: int
    reference_length: int

    @property
    def total(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Edits per reference token; may exceed 1. An empty reference counts as one token, so that it stays finite."""
        return self.total / max(self.reference_length, 1)

    def __add__(self, other: EditCounts) -> EditCounts:
        return EditCounts(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.reference_length + other.reference_length,
        )


@dataclass(frozen=True)
class WordErrors:
    """Word and character errors of a hypothesis. Adding two of them pools their counts, as for a whole test set."""

    words: EditCounts
    characters: EditCounts

    @property
    def wer(self) -> float:
        return self.words.rate

    @property
    def cer(self) -> float:
        return self.characters.rate

    def __add__(self, other: WordErrors) -> WordErrors:
        return WordErrors(self.words + other.words, self.characters + other.characters)


def word_errors(reference: str, hypothesis: str, language: str = "en") -> WordErrors:
    """Compare two transcripts after Whisper's text normalisation (Radford et al. 2022, appendix C).

    English has its own normaliser (numbers, spelling, contractions); any other language code gets the basic one.
    Characters are counted with the spaces between words where the language writes them.
    """
    normalize = _normalizer(language)
    reference, hypothesis = normalize(reference).strip(), normalize(hypothesis).strip()
    words = count_edits(reference.split(), hypothesis.split())
    if language in UNSPACED_LANGUAGES:
        return WordErrors(words, words)
    # single spaces, since runs of white space would count as edits
    characters = count_edits(" ".join(reference.split()), " ".join(hypothesis.split()))
    return WordErrors(words, characters)


def normalized_words(text: str, language: str = "en") -> list[str]:
    """Words of a transcript as ``word_errors`` compares them; characters where a language writes no spaces."""
    words: list[str] = _normalizer(language)(text).split()
    return words


def count_edits(reference: Sequence[str], hypothesis: Sequence[str]) -> EditCounts:
    """Levenshtein alignment of two token sequences of lengths N and M, in O(M) memory.

    Only the cost is kept, not the path, and the counts are computed from it. A substitution costs a little more than an
    insertion or a deletion, too little to change which alignments are shortest, so the remainder of the cost counts
    substitutions. Deletions minus insertions is N - M in every alignment.
    """
    unit = len(reference) + len(hypothesis) + 1
    cost = Levenshtein.distance(reference, hypothesis, weights=(unit, unit, unit + 1))
    edits, substitutions = divmod(cost, unit)
    surplus = len(reference) - len(hypothesis)
    deletions = (edits - substitutions + surplus) // 2
    return EditCounts(substitutions, deletions, deletions - surplus, len(reference))


def edits_from_either(one: str, other: str, hypothesis: str, language: str = "en") -> int:
    """Fewest word edits from either of two transcripts of the same speech to a hypothesis, after normalisation.

    Each stretch where the two transcripts differ is taken as a whole from one of them."""
    normalize = _normalizer(language)
    first, second, target = (normalize(text).split() for text in (one, other, hypothesis))
    words, costs = np.array(target, dtype=object), np.arange(len(target) + 1)

    def after(costs: np.ndarray, word: str) -> np.ndarray:
        return _after_one_more(costs, words != word)

    for _, start, end, other_start, other_end in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        ways = first[start:end], second[other_start:other_end]
        costs = np.minimum(*(reduce(after, way, costs) for way in ways))
    return int(costs[-1])


def _after_one_more(costs: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Edits to each beginning of a hypothesis ``[M + 1]`` after one more token of the reference.

    ``wrong [M]`` is true where the hypothesis has another token.
    """
    best = costs + 1
    np.minimum(best[1:], costs[:-1] + wrong, out=best[1:])
    # insertions chain along the row: cost[j] = min over i <= j of best[i] + (j - i)
    steps = np.arange(len(costs))
    return np.minimum.accumulate(best - steps) + steps


@lru_cache(maxsize=4)
def _normalizer(language: str) -> Any:
    from whisper.normalizers import BasicTextNormalizer, EnglishTextNormalizer

    if language == "en":
        return EnglishTextNormalizer()
    return BasicTextNormalizer(split_letters=language in UNSPACED_LANGUAGES)
