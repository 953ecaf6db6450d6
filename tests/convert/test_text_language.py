"""The language of new words: of the text, not of the recording."""

import pytest

from nuanced_speech.convert.options import ConversionOptions
from nuanced_speech.convert.text_language import text_language
from nuanced_speech.core.errors import UserError


@pytest.mark.parametrize(
    ("text", "options", "language"),
    [
        ("The ferry left Calais at dawn, with gulls behind it.", {}, "en"),
        ("Die Küche riecht nach frischem Brot und heißer Milch.", {"voice": "ef_dora"}, "de"),
        # too short to tell: the voice's, and for a voice from a recording the recording's
        ("OK", {"voice": "ff_siwis"}, "fr"),
        ("OK", {"voice": "bf_emma"}, "en"),
        ("OK", {"voice": "if_sara:0.6,im_nicola:0.4"}, "it"),
        ("OK", {}, "es"),
        ("OK", {"voice": "somebody.wav"}, "es"),
        ("The ferry left Calais at dawn.", {"text_language": "nl"}, "nl"),
    ],
)
def test_language_of_new_words(text: str, options: dict[str, str], language: str) -> None:
    assert text_language(ConversionOptions(text=text, **options), "es") == language  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text": "Hello.", "text_language": "xx"}, "unknown language 'xx'"),
        ({"text_language": "en"}, "text_language: it is the language of new words"),
    ],
)
def test_mistakes(options: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ConversionOptions(**options)  # type: ignore[arg-type]
