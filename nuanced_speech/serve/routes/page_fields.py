"""What requests of the page hold: fields of forms and bodies in JSON."""

import math
from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator
from starlette.datastructures import FormData

from nuanced_speech.serve.errors import ApiError
from nuanced_speech.serve.routes.bodies import LONGEST_NAME, text_field
from nuanced_speech.serve.schemas import LARGEST_SEED, checked_text
from nuanced_speech.voicemaking.attributes import NAMES

# Largest level of a slider, in standard deviations of the stock voices: no stock voice is farther out.
LARGEST_LEVEL = 2.5
_MOST_WORDS = 20_000

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


def number_field(form: FormData, name: str, default: float, low: float, high: float) -> float:
    """A number of a form.

    Raises:
        ApiError: no number, or one outside of the bounds.
    """
    text = (text_field(form, name, None, 40) or "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise ApiError(400, f"{name}: give a number from {low:g} to {high:g}", name, "invalid_value")
    return value


class _Body(BaseModel):
    """A body whose texts can be spoken and stored."""

    @field_validator("*", mode="after")
    @classmethod
    def _texts(cls, value: object) -> object:
        return checked_text(value) if isinstance(value, str) else value


class Words(_Body):
    """A description in words."""

    description: Annotated[str, Field(min_length=1, max_length=1000)]


class Sliders(_Body):
    """Levels of attributes, in standard deviations of the stock voices (of the sex where there is one)."""

    levels: dict[str, Annotated[float, Field(ge=-LARGEST_LEVEL, le=LARGEST_LEVEL, allow_inf_nan=False)]]
    accent: Literal["a", "b", "e", "f", "h", "i", "j", "p", "z"] | None = None
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0

    @field_validator("levels")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = [name for name in value if name not in NAMES]
        if unknown:
            raise ValueError(f"there is no attribute {unknown[0][:40]!r}: choose from {', '.join(NAMES)}")
        return value


class NewVoice(_Body):
    """A voice to keep: a draft, or a mix of others."""

    name: Name
    draft: Annotated[str, Field(max_length=60)] | None = None
    mix: Annotated[str, Field(max_length=300)] | None = None


class Word(_Body):
    """A word and its times in seconds."""

    word: Annotated[str, Field(min_length=1, max_length=200)]
    start_time: Seconds
    end_time: Seconds


class Captions(_Body):
    """Words of each sentence, to be written as captions."""

    format: Literal["srt", "vtt", "json"]
    sentences: Annotated[list[Annotated[list[Word], Field(max_length=_MOST_WORDS)]], Field(max_length=_MOST_WORDS)]
    spaces: bool = True
