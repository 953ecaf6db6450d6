"""Speech-to-speech style transfer: other words or another voice, with the melody and rhythm of the recording."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nuanced_speech.core.version import __version__

if TYPE_CHECKING:
    from nuanced_speech.audio.arrays import Recording
    from nuanced_speech.convert.converter import Conversion, Converter
    from nuanced_speech.convert.many import convert_many
    from nuanced_speech.deprecated import Voice
    from nuanced_speech.dialogue.reply import Reply, reply
    from nuanced_speech.synthesis.text_to_speech import speak
    from nuanced_speech.voicemaking.clone_voice import clone_voice

__all__ = [
    "Conversion",
    "Converter",
    "Recording",
    "Reply",
    "Voice",
    "__version__",
    "clone_voice",
    "convert_many",
    "reply",
    "speak",
]

_MODULES = {
    "Conversion": "nuanced_speech.convert.converter",
    "Converter": "nuanced_speech.convert.converter",
    "Recording": "nuanced_speech.audio.arrays",
    "Reply": "nuanced_speech.dialogue.reply",
    "Voice": "nuanced_speech.deprecated",
    "clone_voice": "nuanced_speech.voicemaking.clone_voice",
    "convert_many": "nuanced_speech.convert.many",
    "reply": "nuanced_speech.dialogue.reply",
    "speak": "nuanced_speech.synthesis.text_to_speech",
}


def __getattr__(name: str) -> Any:
    # imported at first use, since torch takes seconds to import
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
