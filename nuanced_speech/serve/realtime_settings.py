"""The session object of ``/v1/realtime``: what clients may set, and as what it is shown."""

from dataclasses import dataclass, field, replace
from typing import Any

from nuanced_speech.dialogue.conversation import DEFAULT_SYSTEM, LONGEST_SYSTEM
from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.turn_detection import TurnConfig

_FORMAT = {"type": "audio/pcm", "rate": 24000}
_KINDS = {dict: "an object", str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class RealtimeSettings:
    """What a client may set.

    Attributes:
        instructions: the role of the language model.
        voice: the answering voice; ``own`` for that of the question.
        turns: detection of turns; None where the client commits them.
        language: language of the questions; detected if None.
    """

    instructions: str = DEFAULT_SYSTEM
    voice: str = "own"
    turns: TurnConfig | None = field(default_factory=TurnConfig)
    language: str | None = None

    def shown(self, session_id: str, model: str) -> dict[str, Any]:
        """The session as OpenAI's clients read it."""
        turns = self.turns and {
            "type": "server_vad", "threshold": self.turns.threshold, "prefix_padding_ms": self.turns.prefix_ms,
            "silence_duration_ms": self.turns.silence_ms, "create_response": self.turns.answer,
            "interrupt_response": self.turns.interrupt,
        }  # fmt: skip
        return {
            "type": "realtime", "object": "realtime.session", "id": session_id, "model": model,
            "output_modalities": ["audio"], "instructions": self.instructions, "tools": [],
            "audio": {
                "input": {
                    "format": _FORMAT, "transcription": {"model": "whisper-1", "language": self.language},
                    "noise_reduction": None, "turn_detection": turns,
                },
                "output": {"format": _FORMAT, "voice": self.voice, "speed": 1.0},
            },
        }  # fmt: skip

    def updated(self, session: Any) -> "RealtimeSettings":
        """The settings after ``session.update``; fields that are not known are ignored.

        Raises:
            ApiError: a field of the wrong kind.
        """
        given = _Fields(session, "session")
        audio = _Fields(given.get("audio", dict, {}), "session.audio")
        audio_input = _Fields(audio.get("input", dict, {}), "session.audio.input")
        audio_output = _Fields(audio.get("output", dict, {}), "session.audio.output")
        for fields in (audio_input, audio_output):
            form = _Fields(fields.get("format", dict, _FORMAT), f"{fields.name}.format")
            if (form.get("type", str, "audio/pcm"), form.get("rate", int, 24000)) != ("audio/pcm", 24000):
                raise _wrong(f"{fields.name}.format", "only audio/pcm at 24000 Hz is possible")
        instructions = given.get("instructions", str, self.instructions).strip() or DEFAULT_SYSTEM
        if len(instructions) > LONGEST_SYSTEM:
            raise _wrong("session.instructions", f"at most {LONGEST_SYSTEM} characters are possible")
        voice = audio_output.value.get("voice", self.voice)
        voice = voice.get("id") if isinstance(voice, dict) else voice
        if not isinstance(voice, str):
            raise _wrong("session.audio.output.voice", "give a text")
        transcription = _Fields(audio_input.get("transcription", dict, {}), "session.audio.input.transcription")
        return replace(
            self,
            instructions=instructions,
            voice=voice.strip(),
            turns=_turns(audio_input, self.turns),
            language=transcription.get("language", str, self.language or "") or None,
        )


class _Fields:
    """Fields of an object of a client."""

    def __init__(self, value: Any, name: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(name, "give an object")
        self.value, self.name = value, name

    def get(self, name: str, kind: type, default: Any) -> Any:
        """A field; its default where it is missing or null.

        Raises:
            ApiError: it is of another kind.
        """
        value = self.value.get(name)
        if value is None:
            return default
        number = kind is float and isinstance(value, int) and not isinstance(value, bool)
        if not (number or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool)))):
            raise _wrong(f"{self.name}.{name}", f"give {_KINDS[kind]}")
        return value

    def within(self, name: str, default: float, low: float, high: float) -> float:
        """A number.

        Raises:
            ApiError: none, or out of bounds.
        """
        value = self.get(name, float, float(default))
        if not low <= value <= high:
            raise _wrong(f"{self.name}.{name}", f"give a number from {low:g} to {high:g}")
        return float(value)


def _turns(audio_input: _Fields, before: TurnConfig | None) -> TurnConfig | None:
    if "turn_detection" not in audio_input.value:
        return before
    if audio_input.value["turn_detection"] is None:
        return None
    given = _Fields(audio_input.value["turn_detection"], f"{audio_input.name}.turn_detection")
    usual = before or TurnConfig()
    return TurnConfig(
        threshold=given.within("threshold", usual.threshold, 0.05, 0.95),
        prefix_ms=round(given.within("prefix_padding_ms", usual.prefix_ms, 0, 5000)),
        silence_ms=round(given.within("silence_duration_ms", usual.silence_ms, 100, 10_000)),
        answer=given.get("create_response", bool, usual.answer),
        interrupt=given.get("interrupt_response", bool, usual.interrupt),
    )


def _wrong(name: str, message: str) -> ApiError:
    return ApiError(400, f"{name}: {message}", name, "invalid_value")
