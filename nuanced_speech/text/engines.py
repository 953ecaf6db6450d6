"""Grapheme-to-phoneme engines by language: misaki for English, Japanese and Mandarin, espeak-ng for the others.

What espeak-ng writes in the languages that Kokoro learned from it, misaki puts in Kokoro's symbols; in the other
languages ``text.articulation`` does.

An engine is called with a text and returns its phonemes, and misaki's tokens for English. All are imported when they
are first used, and kept.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from nuanced_speech.core.errors import UserError
from nuanced_speech.text.english import english_g2p
from nuanced_speech.text.espeak_copies import remove_leftover_copies
from nuanced_speech.text.languages import (
    ESPEAK_LANGUAGES,
    EXTRAS,
    LANGUAGES,
    MAPPED_LANGUAGES,
    missing_packages,
    require_packages,
)
from nuanced_speech.text.mandarin import MandarinG2P

Engine = Callable[[str], tuple[str, Any]]


def engine(language: str, british: bool = False) -> Engine:
    """The engine of a language, an ISO 639-1 code; ``british`` counts for English only.

    Raises:
        UserError: a language without an engine, or whose packages are missing.
    """
    if language == "en":
        return english_g2p(british)
    if language in ESPEAK_LANGUAGES:
        return _espeak(ESPEAK_LANGUAGES[language])
    if language == "ja":
        return japanese_g2p()
    if language == "zh":
        return mandarin_g2p()
    if language in MAPPED_LANGUAGES:
        return _mapped(language)
    raise UserError(
        f"no phonemes for the language {language!r}: neither Kokoro nor espeak-ng speaks it; say which language it is, "
        "or use the direct path"
    )


def speaks(language: str) -> bool:
    """Whether there is an engine for a language, and its packages are installed."""
    return (language in LANGUAGES or language in EXTRAS) and not missing_packages(language)


@lru_cache
def _espeak(language: str) -> Any:
    from misaki import espeak

    remove_leftover_copies()
    return espeak.EspeakG2P(language=language)


@lru_cache
def _mapped(language: str) -> Engine:
    from nuanced_speech.text.espeak import EspeakG2P

    return EspeakG2P(language, MAPPED_LANGUAGES[language])


@lru_cache
def japanese_g2p() -> Any:
    """misaki's default for Japanese; ``misaki.ja`` itself imports another engine, which is not used here."""
    require_packages("ja")
    from misaki.cutlet import Cutlet

    return Cutlet()


@lru_cache
def mandarin_g2p() -> MandarinG2P:
    """misaki's engine for Mandarin."""
    require_packages("zh")
    return MandarinG2P()
