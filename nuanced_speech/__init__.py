"""Speech-to-speech style transfer that keeps how a thing was said."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nuanced_speech.convert.converter import Conversion, Converter
    from nuanced_speech.synthesis.text_to_speech import speak
    from nuanced_speech.voice.voice import Voice

__version__ = "0.1.0"
__all__ = ["Conversion", "Converter", "Voice", "__version__", "speak"]


def __getattr__(name: str) -> Any:
    # torch takes seconds to import: only when it is wanted
    if name in ("Conversion", "Converter"):
        from nuanced_speech.convert import converter as convert

        return getattr(convert, name)
    if name == "Voice":
        from nuanced_speech.voice.voice import Voice

        return Voice
    if name == "speak":
        from nuanced_speech.synthesis.text_to_speech import speak

        return speak
    raise AttributeError(name)
