"""Which letters of a word stand for which of its phonemes.

Every letter stands for up to three phonemes, in order; how probable each group is for a letter is learned from a
dictionary by hard expectation maximisation, as in letter-to-sound alignment since Black, Lenzo and Pagel (1998).
"""

import math
from collections import Counter
from collections.abc import Iterable

_STRESS = "ˈˌ"
_UNSTRESSED = str.maketrans("", "", _STRESS)
_VOWEL_LETTERS, _VOWELS = set("aeiouy"), set("aæɑɐAɛəɪIiOɔʊuWYʌᵻɜᵊ")
# Before anything is known: a letter stands mostly for one phoneme, a vowel for a vowel.
_FIRST_LOG_PROBABILITIES = (-2.0, -1.0, -2.5, -6.0)
_KIN = 2.0
_ROUNDS = 4
_UNSEEN = 0.01


class Letters:
    """The log probability of a group of phonemes for a letter, and the alignments that follow from it."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._totals: Counter[str] = Counter()

    @classmethod
    def learn(cls, dictionary: Iterable[tuple[str, str]]) -> "Letters":
        """Learn from words and their phonemes."""
        letters, words = cls(), list(dictionary)
        for _ in range(_ROUNDS):
            following = cls()
            for word, phonemes in words:
                for letter, group in zip(word, letters.align(word, phonemes) or [], strict=False):
                    bare = group.translate(_UNSTRESSED)
                    following._counts[letter, bare] += 1
                    following._totals[letter] += 1
            letters = following
        return letters

    def align(self, word: str, phonemes: str) -> list[str] | None:
        """The phonemes of each letter, a stress mark with what follows it; None where the word has too few letters."""
        units = _units(phonemes)
        bare = [unit.translate(_UNSTRESSED) for unit in units]
        # reached[j] of a letter: the best way to have spent j phonemes on the letters up to it
        reached: dict[int, tuple[float, int]] = {0: (0.0, 0)}
        steps = []
        for letter in word:
            following: dict[int, tuple[float, int]] = {}
            for spent, (score, _) in reached.items():
                for taken in range(min(len(_FIRST_LOG_PROBABILITIES) - 1, len(units) - spent) + 1):
                    total = score + self._log_probability(letter, "".join(bare[spent : spent + taken]))
                    if spent + taken not in following or total > following[spent + taken][0]:
                        following[spent + taken] = total, taken
            reached = following
            steps.append(reached)
        end, groups = len(units), []
        if end not in reached:
            return None
        for step in reversed(steps):
            taken = step[end][1]
            groups.append("".join(units[end - taken : end]))
            end -= taken
        return groups[::-1]

    def _log_probability(self, letter: str, group: str) -> float:
        if not self._totals:
            kin = group[:1] == letter or (letter in _VOWEL_LETTERS) == (group[:1] in _VOWELS)
            return _FIRST_LOG_PROBABILITIES[len(group)] + (_KIN if group and kin else 0)
        return math.log((self._counts[letter, group] + _UNSEEN) / (self._totals[letter] + 1))


def _units(phonemes: str) -> list[str]:
    units, marks = [], ""
    for symbol in phonemes:
        if symbol in _STRESS:
            marks += symbol
        else:
            units.append(marks + symbol)
            marks = ""
    return units
