"""A conversation: who the answering voice is, and the turns so far; and the file that keeps it between calls."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nuanced_speech.core.errors import ContentError, reading
from nuanced_speech.core.files import replacing

DEFAULT_SYSTEM = (
    "You are a friendly person on the phone. Answer in one or two short sentences. "
    "Words in brackets tell how the caller sounds: answer to the mood."
)
LONGEST_SYSTEM = 4000
# Larger files are not read: a turn has a few hundred characters.
_LARGEST_FILE = 4 << 20
_VERSION = 1


@dataclass(frozen=True)
class Message:
    """One message to a language model."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Turn:
    """A question, a few words about how it was spoken, and the answer; empty where none was spoken."""

    question: str
    delivery: str
    answer: str


@dataclass(frozen=True)
class Conversation:
    """A conversation as it stands.

    Attributes:
        system: the role of the language model.
        turns: question and answer, the oldest first.
    """

    system: str = DEFAULT_SYSTEM
    turns: tuple[Turn, ...] = ()

    def with_turn(self, turn: Turn) -> "Conversation":
        """The conversation after one more turn."""
        return replace(self, turns=(*self.turns, turn))

    def with_last_answer(self, answer: str) -> "Conversation":
        """The conversation with another answer to its last question, of which somebody heard no more."""
        return replace(self, turns=(*self.turns[:-1], replace(self.turns[-1], answer=answer)))

    def messages(self, question: str, delivery: str, characters: int = 3000) -> list[Message]:
        """What a language model is asked: the role, the latest turns, and the question with its delivery in brackets.

        A question without an answer is asked together with the next one: many models want both to take turns.

        Args:
            question: what was said.
            delivery: how it was said, in a few words; empty for nothing.
            characters: length of the earlier turns; older ones are left out.
        """
        kept: list[Turn] = []
        for turn in reversed(self.turns):
            characters -= len(turn.question) + len(turn.delivery) + len(turn.answer)
            if characters < 0:
                break
            kept.insert(0, turn)
        messages = [Message("system", self.system)]
        asked: list[str] = []
        for turn in kept:
            asked.append(_asked(turn.question, turn.delivery))
            if turn.answer:
                messages += [Message("user", "\n".join(asked)), Message("assistant", turn.answer)]
                asked = []
        return [*messages, Message("user", "\n".join([*asked, _asked(question, delivery)]))]

    def write(self, path: str | Path) -> None:
        """Write the conversation as JSON.

        Raises:
            UserError: the file cannot be written.
        """
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(self.to_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    def to_json(self) -> dict[str, Any]:
        """The conversation as a value for JSON."""
        return {"version": _VERSION, "system": self.system, "turns": [asdict(turn) for turn in self.turns]}

    @classmethod
    def read(cls, path: str | Path) -> "Conversation":
        """The conversation of a file.

        Raises:
            UserError: the file cannot be read, or holds something else.
        """
        path = Path(path)
        with reading(path, "a conversation", "name another file, which is made if it is missing"):
            if path.stat().st_size > _LARGEST_FILE:
                raise ContentError("too large")
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))

    @classmethod
    def from_json(cls, value: Any) -> "Conversation":
        """The conversation of a value that was read from JSON.

        Raises:
            ContentError: the value is something else.
        """
        if not isinstance(value, dict) or value.get("version") != _VERSION:
            raise ContentError(f"no object of version {_VERSION}")
        turns = value.get("turns")
        if not isinstance(turns, list) or not isinstance(value.get("system"), str):
            raise ContentError("no role or no turns")
        return cls(value["system"], tuple(_turn(turn) for turn in turns))


def _turn(value: Any) -> Turn:
    keys = ("question", "delivery", "answer")
    if not isinstance(value, dict) or not all(isinstance(value.get(key), str) for key in keys):
        raise ContentError("a turn without question, delivery or answer")
    return Turn(*(value[key] for key in keys))


def _asked(question: str, delivery: str) -> str:
    return f"{question} ({delivery})" if delivery else question
