"""Text to the phonemes that Kokoro was trained on."""

import re

from nuanced_speech.core.errors import UserError
from nuanced_speech.text import notation
from nuanced_speech.text.cleaning import clean
from nuanced_speech.text.detection import language_stretches
from nuanced_speech.text.dictionary import Dictionary
from nuanced_speech.text.engines import engine
from nuanced_speech.text.frontend import spoken_text
from nuanced_speech.text.pronunciation import stretches
from nuanced_speech.text.sentences import split_sentences

DECORATION = re.compile(r"[\s*_#=~•·.…–—-]*")
"""A line of marks between paragraphs, which nobody speaks."""


def phonemize(
    text: str,
    language: str = "en",
    british: bool = False,
    dictionary: Dictionary | None = None,
    written: bool = True,
) -> str:
    """Phoneme string of a sentence as it is written: numbers, signs and abbreviations are spoken as words.

    Args:
        text: words and punctuation; ``[word](/ipa/)`` gives a word's pronunciation.
        language: ISO 639-1 code as Whisper names it.
        british: British instead of American English.
        dictionary: pronunciations of one's own.
        written: the text is as people write it; False: it is in spoken words already.

    Raises:
        UserError: as ``engine``, or no speakable word.
    """
    words = "" if DECORATION.fullmatch(text) else spoken_text(text, language, dictionary) if written else text
    parts = [
        _phonemes(stretch, stretch_language, british) for _, stretch, stretch_language in stretches(words, language)
    ]
    phonemes = " ".join(part for part in parts if part)
    if not any(p.isalpha() for p in phonemes):
        raise UserError(f"nothing speakable in the text {text[:60]!r}: give at least one word")
    return phonemes


def _phonemes(text: str, language: str, british: bool) -> str:
    g2p = engine(language, british)
    if language == "en":
        return g2p(notation.joined(text))[0].strip()
    parts = [g2p(part)[0].strip() if given is None else given for part, given in notation.split(text)]
    return " ".join(part for part in parts if part)


def phoneme_chunks(
    text: str, language: str = "en", limit: int = 300, dictionary: Dictionary | None = None
) -> list[str]:
    """Phonemes of a longer text in chunks: sentences, joined as long as a chunk stays under the limit.

    Raises:
        UserError: as ``phonemize``.
    """
    chunks: list[str] = []
    for sentence in split_sentences(clean(text).strip(), language):
        clauses = [
            (clause, own)
            for stretch, own in language_stretches(sentence, language)
            for clause in re.split(r"(?<=[;:…])\s+", stretch)
        ]
        for clause, own in clauses:
            phonemes = phonemize(clause, own, dictionary=dictionary) if any(c.isalnum() for c in clause) else ""
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
