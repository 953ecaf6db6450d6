"""The session object of ``/v1/realtime``: what clients may set, as what it is shown, and how much it takes."""

from dataclasses import dataclass, field, replace
from typing import Any

from nuanced_speech.core.constants import OWN_VOICE
from nuanced_speech.dialogue.conversation import DEFAULT_SYSTEM, LONGEST_SYSTEM
from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.realtime_audio import RATES
from nuanced_speech.serve.turn_detection import TurnConfig

_KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


@dataclass(frozen=True)
class RealtimeLimits:
    """How much a session takes.

    Attributes:
        shortest_seconds: a shorter recording is no question.
        most_open: questions that wait for an answer: the newest count.
        longest_question: letters of those that are answered together: the last ones count.
    """

    shortest_seconds: float = 0.1
    most_open: int = 100
    longest_question: int = 4000


@dataclass(frozen=True)
class RealtimeSettings:
    """What a client may set.

    Attributes:
        instructions: the role of the language model.
        voice: the answering voice; ``own`` for that of the question.
        turns: detection of turns; None where the client commits them.
        language: language of the questions; detected if None.
        spoken: answers are spoken; else they are text alone.
        takes, gives: names of the audio formats of questions and answers.
    """

    instructions: str = DEFAULT_SYSTEM
    voice: str = OWN_VOICE
    turns: TurnConfig | None = field(default_factory=TurnConfig)
    language: str | None = None
    spoken: bool = True
    takes: str = "audio/pcm"
    gives: str = "audio/pcm"

    @property
    def modalities(self) -> list[str]:
        """OpenAI's words for what answers are made of."""
        return ["audio" if self.spoken else "text"]

    def shown(self, session_id: str, model: str) -> dict[str, Any]:
        """The session as OpenAI's clients read it."""
        turns = self.turns and {
            "type": "server_vad", "threshold": self.turns.threshold, "prefix_padding_ms": self.turns.prefix_ms,
            "silence_duration_ms": self.turns.silence_ms, "create_response": self.turns.answer,
            "interrupt_response": self.turns.interrupt,
        }  # fmt: skip
        return {
            "type": "realtime", "object": "realtime.session", "id": session_id, "model": model,
            "output_modalities": self.modalities, "instructions": self.instructions, "tools": [],
            "audio": {
                "input": {
                    "format": _format(self.takes), "transcription": {"model": "whisper-1", "language": self.language},
                    "noise_reduction": None, "turn_detection": turns,
                },
                "output": {"format": _format(self.gives), "voice": self.voice, "speed": 1.0},
            },
        }  # fmt: skip

    def updated(self, session: Any, name: str = "session") -> "RealtimeSettings":
        """The settings after ``session.update``, or for one response; fields that are not known are ignored.

        Args:
            session: the object of the client.
            name: its name, for messages.

        Raises:
            ApiError: a field of the wrong kind.
        """
        given = _Fields(session, name)
        audio = _Fields(given.get("audio", dict, {}), f"{name}.audio")
        audio_input = _Fields(audio.get("input", dict, {}), f"{name}.audio.input")
        audio_output = _Fields(audio.get("output", dict, {}), f"{name}.audio.output")
        instructions = given.get("instructions", str, self.instructions).strip() or DEFAULT_SYSTEM
        if len(instructions) > LONGEST_SYSTEM:
            raise _wrong(f"{name}.instructions", f"at most {LONGEST_SYSTEM} characters are possible")
        voice = audio_output.value.get("voice") or self.voice
        voice = voice.get("id") if isinstance(voice, dict) else voice
        if not isinstance(voice, str):
            raise _wrong(f"{name}.audio.output.voice", "give a text")
        modalities = given.get("output_modalities", list, self.modalities)
        if modalities not in (["audio"], ["text"]):
            raise _wrong(f"{name}.output_modalities", 'give ["audio"] or ["text"]')
        transcription = _Fields(audio_input.get("transcription", dict, {}), f"{name}.audio.input.transcription")
        return replace(
            self,
            instructions=instructions,
            voice=voice.strip(),
            turns=_turns(audio_input, self.turns),
            language=transcription.get("language", str, self.language or "") or None,
            spoken=modalities == ["audio"],
            takes=_format_name(audio_input, self.takes),
            gives=_format_name(audio_output, self.gives),
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


def _format(name: str) -> dict[str, Any]:
    return {"type": name, "rate": RATES[name]} if name == "audio/pcm" else {"type": name}


def _format_name(fields: _Fields, before: str) -> str:
    """Name of the audio format of one direction.

    Raises:
        ApiError: another format, or another sample rate.
    """
    form = _Fields(fields.get("format", dict, {}), f"{fields.name}.format")
    name = form.get("type", str, before)
    if name not in RATES or form.get("rate", int, RATES[name]) != RATES[name]:
        message = "audio/pcm at 24000 Hz, audio/pcmu and audio/pcma at 8000 Hz are possible"
        raise _wrong(form.name, message)
    return name


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
