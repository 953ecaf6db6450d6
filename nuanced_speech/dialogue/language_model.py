"""What answers: a protocol with two implementations, ``local_model.LocalModel`` and ``endpoint.Endpoint``."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nuanced_speech.dialogue.conversation import Message


@dataclass(frozen=True)
class Sampling:
    """How a language model chooses its words.

    Attributes:
        tokens: largest number of tokens of an answer.
        temperature: 0 for the likeliest words only; None: 0 for the small model, the endpoint's own otherwise.
        seed: random seed.
    """

    tokens: int = 120
    temperature: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Usage:
    """Tokens that a language model read and wrote, as it counts them."""

    read: int = 0
    written: int = 0


class LanguageModel(Protocol):
    """Answers a conversation. Threads may share it."""

    @property
    def name(self) -> str:
        """The model, for people."""
        ...

    def load(self) -> None:
        """Load what the first answer needs.

        Raises:
            UserError: it cannot be loaded.
        """
        ...

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Iterator[str | Usage]:
        """The answer, piece by piece as it is written, and at last what it cost, if that is known.

        Closing the iterator stops the writing.

        Raises:
            UserError: there is no answer.
        """
        ...


def usage_of(piece: dict[str, Any]) -> Iterator[Usage]:
    """What an answer cost, if a piece of it in OpenAI's shape tells that."""
    usage = piece.get("usage")
    if isinstance(usage, dict):
        yield Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
