"""Events of ``/v1/realtime`` and ``/v1/realtime/translations``: those of one response, and what clients send."""

import base64
import binascii
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np

from nuanced_speech.audio.pcm import from_int16, to_int16
from nuanced_speech.dialogue.language_model import Usage
from nuanced_speech.serve.audio_encoder import AudioFormat, audio_encoder
from nuanced_speech.serve.errors import ApiError, error_type
from nuanced_speech.serve.schemas import checked_text

_LONGEST_TEXT = 4000


class AnswerEvents:
    """The events of one response, whose output is one message.

    Args:
        response_id, item_id: its ids.
        send: sends an event.
        form: what its sound is encoded to; None for text alone.
        metadata: what the client wants to read in it.
    """

    def __init__(
        self,
        response_id: str,
        item_id: str,
        send: Callable[..., Awaitable[None]],
        form: AudioFormat | None = AudioFormat("pcm"),
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.id, self.item_id, self.send = response_id, item_id, send
        self.metadata, self.usage = metadata, Usage()
        self.opened, self.text = False, ""
        self._encoder = None if form is None else audio_encoder(form)
        self._words = "response.output_text" if form is None else "response.output_audio_transcript"

    @property
    def place(self) -> dict[str, Any]:
        """Where its content is."""
        return {"response_id": self.id, "item_id": self.item_id, "output_index": 0, "content_index": 0}

    async def begin(self) -> None:
        """Tell that it is being made."""
        await self.send("response.created", response=self._shown("in_progress", None))

    async def write(self, text: str, previous: str | None) -> None:
        """More words."""
        if not self.opened:
            self.opened = True
            item = item_shown(self.item_id, "assistant", [], "in_progress")
            await self.send("response.output_item.added", response_id=self.id, output_index=0, item=item)
            for event in ("conversation.item.created", "conversation.item.added"):
                await self.send(event, item=item, previous_item_id=previous)
            await self.send("response.content_part.added", **self.place, part=self._part())
        self.text += text
        await self.send(f"{self._words}.delta", **self.place, delta=text)

    async def speak(self, wave: np.ndarray) -> None:
        """More sound ``[T]`` at 24 kHz."""
        if self._encoder is not None:
            await self._sound(self._encoder.write(wave))

    async def end(self, status: str, details: dict[str, Any] | None) -> None:
        """Tell that it is over."""
        if self.opened:
            whole = "completed" if status == "completed" else "incomplete"
            item = item_shown(self.item_id, "assistant", [self._part()], whole)
            if self._encoder is not None:
                await self._sound(self._encoder.finish())
                await self.send("response.output_audio.done", **self.place)
            written = "text" if self._encoder is None else "transcript"
            await self.send(f"{self._words}.done", **self.place, **{written: self.text.strip()})
            await self.send("response.content_part.done", **self.place, part=self._part())
            await self.send("response.output_item.done", response_id=self.id, output_index=0, item=item)
            await self.send("conversation.item.done", item=item)
        await self.send("response.done", response=self._shown(status, details))

    async def _sound(self, data: bytes) -> None:
        if data:
            await self.send("response.output_audio.delta", **self.place, delta=base64.b64encode(data).decode())

    def _part(self) -> dict[str, Any]:
        if self._encoder is None:
            return {"type": "output_text", "text": self.text.strip()}
        return {"type": "output_audio", "transcript": self.text.strip()}

    def _shown(self, status: str, details: dict[str, Any] | None) -> dict[str, Any]:
        whole = "completed" if status == "completed" else "incomplete"
        output = [item_shown(self.item_id, "assistant", [self._part()], whole)] if self.opened else []
        return {
            "object": "realtime.response", "id": self.id, "status": status, "status_details": details,
            "output": output if status != "in_progress" else [],
            "output_modalities": ["text" if self._encoder is None else "audio"], "metadata": self.metadata,
            "usage": None if status == "in_progress" else usage_shown(self.usage),
        }  # fmt: skip


def usage_shown(usage: Usage) -> dict[str, Any]:
    """What a response cost. The language model reads and writes text only."""
    return {
        "total_tokens": usage.read + usage.written, "input_tokens": usage.read, "output_tokens": usage.written,
        "input_token_details": {"text_tokens": usage.read, "audio_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": usage.written, "audio_tokens": 0},
    }  # fmt: skip


def item_shown(item_id: str, role: str, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    """A message of the conversation."""
    return {
        "id": item_id, "object": "realtime.item", "type": "message", "role": role, "status": status, "content": content,
    }  # fmt: skip


def error_shown(error: ApiError) -> dict[str, Any]:
    """A refusal inside an event."""
    return {"type": error_type(error.status), "code": error.code, "message": error.message, "param": error.param}


def base64_of(wave: np.ndarray) -> str:
    """Base64 of 16-bit samples of ``wave [T]``."""
    return base64.b64encode(to_int16(wave).astype("<i2").tobytes()).decode()


def samples_of(audio: Any) -> np.ndarray:
    """Samples ``[T]`` of base64.

    Raises:
        ApiError: it is none.
    """
    try:
        data = base64.b64decode(audio, validate=True)
        if len(data) % 2:
            raise ValueError("half a sample")
    except (binascii.Error, ValueError, TypeError):
        raise ApiError(400, "audio: give base64 of 16-bit samples", "audio", "invalid_value") from None
    return from_int16(np.frombuffer(data, "<i2"))


def text_of(item: Any) -> str:
    """The text of a message of the user.

    Raises:
        ApiError: another item.
    """
    try:
        if item["type"] != "message" or item["role"] != "user":
            raise KeyError
        text = checked_text(" ".join(part["text"] for part in item["content"] if part["type"] == "input_text"))
    except (LookupError, TypeError, AttributeError, ValueError):
        text = ""
    if not 0 < len(text.strip()) <= _LONGEST_TEXT:
        message = f"item: give a message of the user with 1 to {_LONGEST_TEXT} characters of input_text"
        raise ApiError(400, message, "item", "invalid_value")
    return text.strip()


def new_id(kind: str) -> str:
    """An id of a kind of object."""
    return f"{kind}_{secrets.token_hex(10)}"
