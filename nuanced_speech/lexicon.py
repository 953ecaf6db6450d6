"""What the recogniser writes: Kokoro's symbols, and whole pronounced words, which Whisper's decoder knows already.

A word that is one of Whisper's tokens is written in one step, as its phonemes: what Whisper knows of where it is said
stays of use. Words that share a pronunciation are one word here, since they sound the same; a word that no token
stands for is spelled by its symbols.
"""

import json
import re
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from nuanced_speech.audio import replacing
from nuanced_speech.kokoro import vocabulary
from nuanced_speech.whisper import Listener

# Kokoro's token at both ends of a string: what ends it here.
END = 0
SYMBOLS = 178
# A word with the space before it, or a mark.
WORDS = re.compile(r' ?[^ ;:,.!?—…"()“”]+|.')


class Lexicon:
    """Pronounced words, and Whisper's tokens for each.

    A token of a lexicon is a symbol of Kokoro's (0 to 177) or, from 178 on, a word with a space before it.

    Args:
        words: phonemes without marks, each with the numbers of Whisper's tokens that are pronounced so.
    """

    def __init__(self, words: dict[str, list[int]]) -> None:
        self.words = words

    def save(self, path: Path) -> None:
        """Write it as JSON; an old file stays until the new is whole."""
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(self.words, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Lexicon":
        """What ``save`` wrote."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def __len__(self) -> int:
        return SYMBOLS + len(self.words)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return vocabulary() | {" " + word: number for number, word in enumerate(self.words, SYMBOLS)}

    @cached_property
    def _written(self) -> dict[int, str]:
        return {number: written for written, number in self._numbers.items()}

    @cached_property
    def sizes(self) -> list[int]:
        """Symbols that each token stands for."""
        return [len(self._written.get(token, " ")) for token in range(len(self))]

    def tokens(self, phonemes: str) -> list[int]:
        """Phonemes of Kokoro's as tokens: words as a whole where they are known."""
        found: list[int] = []
        for written in WORDS.findall(" " + phonemes):
            found += [self._numbers[symbol] for symbol in ([written] if written in self._numbers else written)]
        return found

    def phonemes(self, tokens: list[int]) -> str:
        """The phonemes of tokens."""
        return "".join(self._written.get(token, "") for token in tokens).strip()

    def first_rows(self, listener: Listener) -> Tensor:
        """For every token ``[len(self), D]`` what Whisper knows of its letter or its words, frequent words first."""
        embedding, tokenizer = listener.model.decoder.token_embedding.weight.cpu(), listener.english_tokenizer
        rows = torch.zeros(len(self), embedding.shape[1])
        for symbol, number in vocabulary().items():
            rows[number] = embedding[tokenizer.encode(symbol)].mean(0)
        rows[END] = embedding[tokenizer.eot]
        for number, tokens in enumerate(self.words.values(), SYMBOLS):
            # the tokens of a byte pair encoding stand in the order of their frequency
            weights = 1 / (1 + torch.tensor(tokens, dtype=torch.float))
            rows[number] = weights / weights.sum() @ embedding[tokens]
        return rows
