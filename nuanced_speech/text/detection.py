"""The language that a text is written in, found by py3langid (Lui and Baldwin 2012: byte n-grams, naive Bayes).

Of py3langid, fastText's small model and langdetect it alone was never sure of a wrong language, on 900 beginnings of
sentences in 14 languages (docs/languages.md).
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from nuanced_speech.text import notation
from nuanced_speech.text.languages import EXTRAS, LANGUAGES

# Words that a sentence of these languages nearly always has one of, and a sentence of another language none: where one
# is found, nothing needs to be detected.
_OWN_WORDS = {
    "en": "the and are were that this with you she it they have been but not from which would there their your who "
    "when what how it's don't",
    "de": "der das und ist nicht mit von den dem ein eine auf auch sich ich sie wir wird war für zu",
    "es": "el los las que por una del lo su más pero está",
    "fr": "le les des et est du dans pour qui pas une sur avec il elle nous vous ce cette au",
    "it": "il gli di che una non è sono della del nel si lo più ma anche",
    "pt": "os da em um uma para com não que é na mais ao foi ele ela",
}
# Languages that are too near to each other to be told apart by a sentence.
_KIN = [
    frozenset(kin.split()) for kin in ("da nb nn no sv", "bs hr sl sr", "cs sk", "id ms", "af nl", "de lb", "ca es")
]
# What stands between quotes or brackets, with the marks and spaces after it; brackets with slashes are notation.
_QUOTED = re.compile(
    r"(?:\"[^\"“”]+\"|“[^“”]+”|„[^„“”]+[“”]|«[^«»]+»|»[^«»]+«|(?<!\w)[‘'][^‘’']+(?:[’']\w[^‘’']*)*[’'](?!\w)|\((?!/)[^()]+\))"
    r"[,.;:!?…]*\s*"
)
_IPA = re.compile("[\u0250-\u02af\u02c8\u02cc]")
# Languages in other scripts: ``text.scripts`` finds their stretches.
_OTHER_SCRIPTS = frozenset((
    "am", "ar", "as", "ba", "be", "bg", "bn", "el", "fa", "gu", "he", "hi", "hy", "ja", "ka", "kk", "kn", "ko", "mk",
    "ml", "mr", "my", "ne", "pa", "ru", "sd", "si", "sr", "ta", "te", "th", "tt", "uk", "ur", "yue", "zh",
))  # fmt: skip


@dataclass(frozen=True)
class DetectionConfig:
    """Settings of the detection.

    Attributes:
        least: probability from which a language is believed; shorter texts than about four words stay below it.
        least_inside: the same for a sentence inside a text in another language.
        letters, words: a sentence inside a text that has fewer keeps the language of the text.
        quoted_letters, quoted_words: the same for what stands between quotes or brackets inside a sentence.
    """

    least: float = 0.7
    least_inside: float = 0.95
    letters: int = 20
    words: int = 4
    quoted_letters: int = 12
    quoted_words: int = 3


def detect_language(text: str, config: DetectionConfig | None = None) -> str | None:
    """The language of a text, an ISO 639-1 code that the text path knows; None where it is too short to tell."""
    language, probability = _identifier().classify(text)
    return str(language) if probability >= (config or DetectionConfig()).least else None


def sentence_language(sentence: str, language: str, config: DetectionConfig | None = None) -> str:
    """The language of a sentence inside a text: another one than the text's only where that is certain.

    Args:
        sentence: a sentence, with the notation of ``text.notation``.
        language: of the text, ISO 639-1.
        config: settings.
    """
    config = config or DetectionConfig()
    text = notation.plain(sentence)
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text.lower())
    short = len(words) < config.words or sum(map(len, words)) < config.letters
    if short or _IPA.search(text) or language in _OTHER_SCRIPTS:
        return language
    if language in _OWN_WORDS and not set(words).isdisjoint(_own_words(language)):
        return language
    if language not in _identifier().labels:
        return language
    detected, probability = _identifier().classify(text)
    near = detected in _OTHER_SCRIPTS or any(language in kin and detected in kin for kin in _KIN)
    return language if near or probability < config.least_inside else str(detected)


def language_stretches(sentence: str, language: str, config: DetectionConfig | None = None) -> list[tuple[str, str]]:
    """The stretches of a sentence in order, each with its language; joined they are the sentence.

    What is quoted or in brackets, and else the whole sentence, is in another language than the text's only where that
    is certain.

    Args:
        sentence: a sentence, with the notation of ``text.notation``.
        language: of the text, ISO 639-1.
        config: settings.
    """
    config = config or DetectionConfig()
    quoted = replace(config, letters=config.quoted_letters, words=config.quoted_words)
    result: list[tuple[str, str]] = []
    start = 0
    for match in _QUOTED.finditer(sentence):
        own = sentence_language(match[0].strip(" \"'“”„«»‘’(),.;:!?…"), language, quoted)
        if own != language:
            result += [(sentence[start : match.start()], language)] if match.start() > start else []
            result.append((match[0], own))
            start = match.end()
    if not result:
        return [(sentence, sentence_language(sentence, language, config))]
    return result + ([(sentence[start:], language)] if start < len(sentence) else [])


@lru_cache
def _own_words(language: str) -> frozenset[str]:
    return frozenset(_OWN_WORDS[language].split())


@lru_cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    # all others would only take away from these
    identifier.set_languages(sorted({*LANGUAGES, *EXTRAS}.intersection(identifier.labels)))
    return identifier
