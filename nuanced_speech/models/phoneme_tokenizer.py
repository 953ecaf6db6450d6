"""The tokens of the phoneme recogniser: Kokoro's symbols, whole pronounced words and pronounced parts of words, which
Whisper's decoder knows already.

A word that is one of Whisper's tokens is written in one step, as its phonemes: what Whisper knows of where it is said
stays of use. Words that share a pronunciation are one word here, since they sound the same. A longer word is written
part by part, each as the phonemes that its letters stand for; what no part stands for is spelled by its symbols.
"""

import json
import re
from collections import Counter
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from nuanced_speech.core.errors import reading
from nuanced_speech.core.files import replacing
from nuanced_speech.core.symbols import PUNCTUATION, vocabulary
from nuanced_speech.models.whisper import WhisperModel

# Kokoro's token at both ends of a string: what ends it here.
END = 0
SYMBOLS = 178
BETWEEN = " " + PUNCTUATION
# A word with the space before it, or a mark.
WORDS = re.compile(f" ?[^{re.escape(BETWEEN)}]+|.")
# What one of Whisper's tokens, "'s" say, stands for is voiced more often than not; after a voiceless sound it is not.
VOICED_END = re.compile(f"(?<=[ptkfθ])z(?![^{re.escape(BETWEEN)}])")
# How often a token that is a word, and begins longer ones too, is the word: with a half, the beginnings of others were
# written for many.
WHOLE = 0.95


class PhonemeTokenizer:
    """Pronounced words and parts of words, and Whisper's tokens for each.

    A token of a lexicon is a symbol of Kokoro's (0 to 177), a word with a space before it (from 178 on), or a part of
    a word (from ``178 + len(words)`` on).

    Args:
        words: phonemes without marks, each with the numbers of Whisper's tokens that are pronounced so.
        parts: phonemes, after a space where they begin a word, the number of Whisper's token that stands for them, and
            in which share of the words with that token it does.
        longer: phonemes of words, each with the tokens of this lexicon that write it: for training.
    """

    def __init__(
        self,
        words: dict[str, list[int]],
        parts: list[tuple[str, int, float]] | None = None,
        longer: dict[str, list[int]] | None = None,
    ) -> None:
        self.words, self.parts, self.longer = words, parts or [], longer or {}

    def json(self, training: bool = False) -> str:
        """All of it, or what can be written by it, as JSON."""
        return json.dumps([self.words, self.parts, self.longer if training else {}], ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "PhonemeTokenizer":
        """What ``json`` gave.

        Raises:
            TypeError, ValueError: it is something else.
        """
        words, parts, longer = json.loads(text)
        for numbers in (*words.values(), *longer.values()):
            if not all(isinstance(number, int) for number in numbers):
                raise TypeError("words have numbers of tokens")
        for phonemes, number, share in parts:
            if not (isinstance(phonemes, str) and isinstance(number, int) and isinstance(share, (int, float))):
                raise TypeError("parts have phonemes, a token and a share")
        return cls(words, parts, longer)

    def save(self, path: Path) -> None:
        """Write all of it; an old file stays until the new is whole."""
        with replacing(path) as temporary:
            temporary.write_text(self.json(training=True), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "PhonemeTokenizer":
        """What ``save`` wrote.

        Raises:
            UserError: no such file, or a damaged one.
        """
        with reading(path, "a table of phonemes", "prepare the corpus again"):
            return cls.from_json(path.read_text(encoding="utf-8"))

    def __len__(self) -> int:
        return SYMBOLS + len(self.words) + len(self.parts)

    @cached_property
    def _phonemes_of(self) -> dict[int, str]:
        beyond = [" " + word for word in self.words] + [phonemes for phonemes, _, _ in self.parts]
        return {number: symbol for symbol, number in vocabulary().items()} | dict(enumerate(beyond, SYMBOLS))

    @cached_property
    def _token_of(self) -> dict[str, int]:
        return vocabulary() | {" " + word: number for number, word in enumerate(self.words, SYMBOLS)}

    @cached_property
    def sizes(self) -> list[int]:
        """Symbols that each token stands for."""
        return [len(self._phonemes_of.get(token, " ")) for token in range(len(self))]

    def tokens(self, phonemes: str) -> list[int]:
        """Phonemes of Kokoro's as tokens: words as a whole where they are known, else by parts."""
        tokens: list[int] = []
        for written in WORDS.findall(" " + phonemes):
            if written in self._token_of:
                tokens.append(self._token_of[written])
            else:
                tokens += self.longer.get(written[1:]) or [self._token_of[symbol] for symbol in written]
        return tokens

    def phonemes(self, tokens: list[int]) -> str:
        """The phonemes of tokens; an ending is voiced only after what is voiced."""
        return VOICED_END.sub("s", "".join(self._phonemes_of.get(token, "") for token in tokens).strip())

    def initial_embeddings(self, whisper: WhisperModel) -> Tensor:
        """A row for every token ``[len(self), D]``: Whisper's embedding of its letter, or the mean of its words'
        embeddings weighted by frequency."""
        embedding, tokenizer = whisper.model.decoder.token_embedding.weight.cpu(), whisper.english_tokenizer
        rows = torch.zeros(len(self), embedding.shape[1])
        for symbol, number in vocabulary().items():
            rows[number] = embedding[tokenizer.encode(symbol)].mean(0)
        rows[END] = embedding[tokenizer.eot]
        words, tokens, shares = self._whisper_shares
        rows.index_add_(0, SYMBOLS + words, shares[:, None] * embedding[tokens])
        if self.parts:
            rows[SYMBOLS + len(self.words) :] = embedding[[token for _, token, _ in self.parts]]
        return rows

    @cached_property
    def _whisper_shares(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of every of Whisper's tokens for a word, which word (0 for the first), which token, and its share in it: the
        tokens of a byte pair encoding stand in the order of their frequency."""
        words = torch.tensor(
            [word for word, tokens in enumerate(self.words.values()) for _ in tokens], dtype=torch.long
        )
        tokens = torch.tensor([token for tokens in self.words.values() for token in tokens], dtype=torch.long)
        weights = 1 / (1 + tokens)
        totals = torch.zeros(len(self.words)).index_add_(0, words, weights)
        return words, tokens, weights / totals[words]

    def prior(self) -> Tensor:
        """For every token ``[len(self)]`` the log of its share in what Whisper's token stands for."""
        shares = torch.ones(len(self))
        pronunciations = Counter(token for tokens in self.words.values() for token in tokens)
        begins = {token for phonemes, token, _ in self.parts if phonemes.startswith(" ")}
        words, tokens, frequencies = self._whisper_shares
        weights = [(WHOLE if token in begins else 1) / pronunciations[token] for token in tokens.tolist()]
        shares[SYMBOLS : SYMBOLS + len(self.words)] = 0
        shares.index_add_(0, SYMBOLS + words, frequencies * torch.tensor(weights))
        for number, (phonemes, token, share) in enumerate(self.parts, SYMBOLS + len(self.words)):
            beside = token in pronunciations and phonemes.startswith(" ")
            shares[number] = share * (1 - WHOLE if beside else 1)
        return shares.log()
