"""The language that a text is written in, found by py3langid (Lui and Baldwin 2012: byte n-grams, naive Bayes).

Of py3langid, fastText's small model and langdetect it alone was never sure of a wrong language, on 900 beginnings of
sentences in 14 languages (docs/languages.md).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nuanced_speech.text.languages import EXTRAS, LANGUAGES


@dataclass(frozen=True)
class DetectionConfig:
    """Settings of the detection.

    Attributes:
        least: probability from which a language is believed; shorter texts than about four words stay below it.
    """

    least: float = 0.7


def detect_language(text: str, config: DetectionConfig | None = None) -> str | None:
    """The language of a text, an ISO 639-1 code that the text path knows; None where it is too short to tell."""
    language, probability = _identifier().classify(text)
    return str(language) if probability >= (config or DetectionConfig()).least else None


@lru_cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    # all others would only take away from these
    identifier.set_languages(sorted({*LANGUAGES, *EXTRAS}.intersection(identifier.labels)))
    return identifier
