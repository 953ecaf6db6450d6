"""Stretches of a text in another script, and the languages that speak them.

A stretch in a script that the text's language does not use is spoken by the rules of that script's language where an
engine has them, else it is transliterated into Latin letters (by anyascii) and spoken by the rules of the text.
"""

import re
from collections.abc import Callable, Iterator

# The characters of a script, the language that speaks a stretch of them, and the others that are written in it.
_SCRIPTS = {
    "Kana": ("\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9d", "ja", ""),
    "Han": ("\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff", "zh", "ja yue ko"),
    "Hangul": ("\u1100-\u11ff\u3130-\u318f\uac00-\ud7af", "ko", ""),
    "Cyrillic": ("\u0400-\u052f", "ru", "ba be bg kk mk mn sr tg tt uk"),
    "Greek": ("\u0370-\u03ff\u1f00-\u1fff", "el", ""),
    "Devanagari": ("\u0900-\u097f", "hi", "mr ne sa"),
    "Arabic": ("\u0600-\u06ff\u0750-\u077f", "ar", "fa ps sd ur"),
    "Hebrew": ("\u0590-\u05ff", "he", "yi"),
    "Thai": ("\u0e00-\u0e7f", "th", ""),
    "Georgian": ("\u10a0-\u10ff", "ka", ""),
    "Armenian": ("\u0530-\u058f", "hy", ""),
    "Bengali": ("\u0980-\u09ff", "bn", "as"),
    "Gurmukhi": ("\u0a00-\u0a7f", "pa", ""),
    "Gujarati": ("\u0a80-\u0aff", "gu", ""),
    "Tamil": ("\u0b80-\u0bff", "ta", ""),
    "Telugu": ("\u0c00-\u0c7f", "te", ""),
    "Kannada": ("\u0c80-\u0cff", "kn", ""),
    "Malayalam": ("\u0d00-\u0d7f", "ml", ""),
    "Sinhala": ("\u0d80-\u0dff", "si", ""),
    "Lao": ("\u0e80-\u0eff", "lo", ""),
    "Tibetan": ("\u0f00-\u0fff", "bo", ""),
    "Burmese": ("\u1000-\u109f", "my", ""),
    "Ethiopic": ("\u1200-\u137f", "am", ""),
    "Khmer": ("\u1780-\u17ff", "km", ""),
}
# Marks that a stretch goes on over; after a Latin comma another language may begin.
_MARK = "[ ・·、。，「」『』（）…'’-]"


def stretches(text: str, language: str) -> Iterator[tuple[str, str]]:
    """The stretches of a text in order, each with its language; joined they are the text.

    Chinese characters beside kana are Japanese. Marks and spaces belong to the stretch before them.
    """
    letters = "".join(
        characters for characters, first, rest in _SCRIPTS.values() if language not in (first, *rest.split())
    )
    if not re.search(f"[{letters}]", text):
        yield text, language
        return
    start = 0
    for match in re.finditer(f"[{letters}](?:[{letters}]|{_MARK}+(?=[{letters}]))*[^\\w\\s]*\\s*", text):
        if match.start() > start:
            yield text[start : match.start()], language
        yield match[0], _language(match[0])
        start = match.end()
    if start < len(text):
        yield text[start:], language


def _language(stretch: str) -> str:
    counts = {
        language: len(re.findall(f"[{characters}]", stretch)) * (1000 if name == "Kana" else 1)
        for name, (characters, language, _) in _SCRIPTS.items()
    }
    return max(counts, key=lambda language: counts[language])


def transliterated(text: str) -> str:
    """A text in Latin letters."""
    from anyascii import anyascii

    return anyascii(text)


def speakable(text: str, language: str, speaks: Callable[[str], bool]) -> Iterator[tuple[str, str, str]]:
    """Stretches with what an engine is to be given for each, and its language.

    Args:
        text: one sentence.
        language: the language of the text.
        speaks: whether there is an engine for a language.
    """
    for stretch, stretch_language in stretches(text, language):
        if stretch_language == language or speaks(stretch_language):
            yield stretch, stretch, stretch_language
        else:
            yield stretch, transliterated(stretch), language
