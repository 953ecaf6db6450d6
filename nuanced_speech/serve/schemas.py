"""What requests hold: field names, defaults and limits."""

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from nuanced_speech.audio.loudness import BROADCAST_LUFS
from nuanced_speech.synthesis.text_to_speech import DEFAULT_PAUSE, PAUSE_LIMIT
from nuanced_speech.voice.stock import VOICE_LANGUAGES

LARGEST_SEED = 2**32 - 1
ResponseFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


def checked_text(value: str) -> str:
    """A text that can be spoken: no zero bytes, no halves of characters.

    Raises:
        ValueError: it has some.
    """
    if "\0" in value:
        raise ValueError("the text holds zero bytes")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("the text holds halves of characters (lone surrogates)") from None
    return value


class VoiceId(BaseModel):
    """A voice by its id."""

    id: Annotated[str, Field(min_length=1, max_length=300)]


class SpeechRequest(BaseModel):
    """The body of ``POST /v1/audio/speech``. Fields that are not known are ignored."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=False)

    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: Annotated[str, Field(min_length=1, description="Text to speak.")]
    voice: Annotated[str, Field(min_length=1, max_length=300)] | VoiceId
    instructions: Annotated[str, Field(max_length=4096)] | None = None
    response_format: ResponseFormat = "mp3"
    speed: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"
    # ours, and Kokoro-FastAPI's
    lang_code: Annotated[str, Field(max_length=20)] | None = None
    pause: Annotated[float, Field(ge=0, le=PAUSE_LIMIT, description="Seconds between sentences.")] = DEFAULT_PAUSE
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0
    ssml: Annotated[bool, Field(description="The text is SSML.")] = False
    loudness: Annotated[float, Field(ge=-70, le=-5, description="LUFS of the speech.")] = BROADCAST_LUFS
    delivery: Annotated[str, Field(description="Recording in base64 whose delivery the speech takes on.")] | None = None
    return_timestamps: bool = False
    stream: bool = True

    @field_validator("input", "instructions")
    @classmethod
    def _speakable(cls, value: str | None) -> str | None:
        return None if value is None else checked_text(value)

    @field_validator("speed", "pause", "loudness", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("give a number")
        return value

    @property
    def voice_name(self) -> str:
        """The voice as text."""
        return self.voice if isinstance(self.voice, str) else self.voice.id

    @property
    def language(self) -> str | None:
        """The language; Kokoro's letters are understood."""
        return None if not self.lang_code else VOICE_LANGUAGES.get(self.lang_code, self.lang_code)


def decoded_base64(text: str) -> bytes:
    """Bytes of base64, with or without the beginning of a data URL.

    Raises:
        ValueError: not base64.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("delivery: not base64") from None
