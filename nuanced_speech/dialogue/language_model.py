"""What answers: a protocol with two implementations, ``local_model.LocalModel`` and ``endpoint.Endpoint``."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

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

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Iterator[str]:
        """The answer, piece by piece as it is written. Closing the iterator stops the writing.

        Raises:
            UserError: there is no answer.
        """
        ...
