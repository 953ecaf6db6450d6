"""Helpers of the commands about voices: consoles, speech in a voice, a bar."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.progress import track

if TYPE_CHECKING:
    import numpy as np

    from nuanced_speech.voice.voice import Voice

T = TypeVar("T")
# Results go to standard output, messages to standard error.
console, messages = Console(), Console(stderr=True)


def speak_sample(voice: "Voice", text: str | None = None) -> "np.ndarray":
    """A text, or a test sentence in the voice's language, as ``[T]`` at 24 kHz."""
    from nuanced_speech.synthesis.sample import sentence_for
    from nuanced_speech.synthesis.text_to_speech import speak

    sentence, language = sentence_for(voice) if text is None else (text, None)
    return speak(sentence, voice, language)


def with_bar(items: list[T], label: str) -> Iterable[T]:
    """The items, with a bar if there are any and standard error is a terminal."""
    return track(items, label, console=messages, transient=True, disable=not (items and messages.is_terminal))
