"""Text to the phonemes that Kokoro was trained on."""

import re

from nuanced_speech.core.errors import UserError
from nuanced_speech.text.engines import engine


def phonemize(text: str, language: str = "en", british: bool = False) -> str:
    """Phoneme string of a text.

    Args:
        text: words and punctuation; ``[word](/ipa/)`` gives a word's pronunciation (English).
        language: ISO 639-1 code as Whisper names it.
        british: British instead of American English.

    Raises:
        UserError: as ``engine``, or no speakable word.
    """
    phonemes = engine(language, british)(text)[0].strip()
    if not any(p.isalpha() for p in phonemes):
        raise UserError(f"nothing speakable in the text {text[:60]!r}: give at least one word")
    return phonemes


def phoneme_chunks(text: str, language: str = "en", limit: int = 300) -> list[str]:
    """Phonemes of a longer text in chunks: sentences, joined as long as a chunk stays under the limit.

    Raises:
        UserError: as ``phonemize``.
    """
    chunks: list[str] = []
    for sentence in re.split(r"(?<=[.!?;:…。！？])\s+", text.strip()):
        phonemes = phonemize(sentence, language) if any(c.isalnum() for c in sentence) else ""
        for part in split_phonemes(phonemes, limit):
            if chunks and len(chunks[-1]) + len(part) < limit:
                chunks[-1] += " " + part
            else:
                chunks.append(part)
    if not chunks:
        raise UserError(f"nothing speakable in the text {text[:60]!r}: give at least one word")
    return chunks


def split_phonemes(phonemes: str, limit: int) -> list[str]:
    """Cut at spaces so that no part exceeds the limit; a longer word is cut where it must be."""
    parts = []
    while len(phonemes) > limit:
        at = phonemes.rfind(" ", 0, limit)
        at = at if at > 0 else limit
        parts.append(phonemes[:at].strip())
        phonemes = phonemes[at:].strip()
    return [*parts, phonemes] if phonemes else parts
