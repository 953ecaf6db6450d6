"""The language of new words for a recording."""

from nuanced_speech.convert.options import ConversionOptions, is_recording
from nuanced_speech.text.detection import detect_language
from nuanced_speech.voice.stock import iso_639
from nuanced_speech.voice.voice import Voice


def text_language(options: ConversionOptions, source: str) -> str:
    """The language (ISO 639-1) of ``options.text``: as given, else as the text tells, else the voice's.

    Args:
        source: language of the recording, which is that of a voice that comes from a recording.
    """
    if options.text_language is not None:
        return options.text_language
    detected = detect_language(options.text or "")
    if detected is not None:
        return detected
    if options.voice is None or is_recording(options.voice):
        return source
    return iso_639(Voice.load(options.voice).provenance.language) or source
