"""Text as tokens of Whisper's vocabulary, only those that the training texts use, and the 256 bytes.

Whisper knows 50,000 tokens, of which a data set of some hours uses a few thousand: a table keeps the model small. What
is not in the table is spelled by its bytes. So that the model learns to read those, training spells some tokens too.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from nuanced_speech.core.errors import UserError


@lru_cache
def _encoding() -> Any:
    from whisper.tokenizer import get_tokenizer

    return get_tokenizer(multilingual=True).encoding


@lru_cache
def _byte_tokens() -> tuple[int, ...]:
    """Whisper's token of each byte."""
    return tuple(_encoding().encode_single_token(bytes([byte])) for byte in range(256))


def whisper_tokens(text: str) -> list[int]:
    """Whisper's tokens of a text, as of a transcript: it begins with a space.

    Raises:
        UserError: nothing to say.
    """
    if not text.strip():
        raise UserError("the text is empty: give something to say")
    return list(_encoding().encode_ordinary(" " + " ".join(text.split())))


class TextTable:
    """Between Whisper's tokens and a model's own, which count from 0.

    Args:
        tokens: Whisper's tokens in the table's order; the bytes come first.
    """

    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens = list(tokens)
        if not all(isinstance(token, int) for token in self.tokens):
            raise TypeError("tokens are whole numbers")
        self.index = {token: number for number, token in enumerate(self.tokens)}

    @classmethod
    def of(cls, texts: Iterable[str]) -> "TextTable":
        """The table of all that texts use."""
        used = {token for text in texts for token in whisper_tokens(text)}
        return cls([*_byte_tokens(), *sorted(used - set(_byte_tokens()))])

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str, spell: float = 0.0, rng: np.random.Generator | None = None) -> list[int]:
        """The model's tokens of a text; a share ``spell`` of Whisper's is spelled by bytes though the table has them.

        Raises:
            UserError: nothing to say.
        """
        numbers = []
        for token in whisper_tokens(text):
            if token in self.index and not (rng is not None and rng.random() < spell):
                numbers.append(self.index[token])
            else:
                numbers += _encoding().decode_single_token_bytes(token)
        return numbers
