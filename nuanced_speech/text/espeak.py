"""Grapheme-to-phoneme conversion by espeak-ng for languages that Kokoro itself does not speak."""

import logging
from functools import lru_cache
from typing import Any

from nuanced_speech.text.articulation import to_kokoro
from nuanced_speech.text.espeak_copies import remove_leftover_copies

# Marks of other scripts, by those that Kokoro knows.
_MARKS = str.maketrans("،؟؛۔।॥。，！？、：；։።፣။၊«»„‟", ",?;....,!?,:;..,.,““““")


class EspeakG2P:
    """Called with a text, gives its phonemes in Kokoro's symbols, and None for tokens, as misaki's engines do.

    Args:
        language: ISO 639-1 code.
        voice: what espeak-ng calls it.
    """

    def __init__(self, language: str, voice: str) -> None:
        self.language, self.voice = language, voice
        self._backend = _backend(voice)

    def ipa(self, text: str) -> str:
        """The phones that espeak-ng writes, with ties."""
        phones = self._backend.phonemize([text.translate(_MARKS)], strip=True)
        return phones[0] if phones else ""

    def __call__(self, text: str) -> tuple[str, None]:
        return to_kokoro(self.ipa(text), self.language), None


@lru_cache
def _backend(voice: str) -> Any:
    import misaki.espeak  # noqa: F401 - it tells phonemizer where espeak-ng is
    from phonemizer.backend import EspeakBackend

    log = logging.getLogger(__name__ + ".phonemizer")
    log.setLevel(logging.ERROR)
    remove_leftover_copies()
    return EspeakBackend(
        voice, preserve_punctuation=True, with_stress=True, tie=True, language_switch="remove-flags", logger=log
    )
