"""Languages that text can be in, and the packages that some of them need."""

from importlib.util import find_spec

from nuanced_speech.core.errors import UserError

ESPEAK_LANGUAGES = {"es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
LANGUAGES = ("en", *ESPEAK_LANGUAGES)
# Languages of the extras "japanese" and "mandarin": requirements for pip by the name that is imported.
EXTRAS = {
    "ja": {
        "fugashi": "fugashi==1.5.2",
        "jaconv": "jaconv==0.5.0",
        "mojimoji": "mojimoji==0.0.13",
        "unidic_lite": "unidic-lite==1.0.8",
    },
    "zh": {
        "jieba": "jieba==0.42.1",
        "pypinyin": "pypinyin==0.55.0",
        "cn2an": "cn2an==0.5.24",
        "ordered_set": "ordered-set==4.1.0",
    },
}


def missing_packages(language: str) -> list[str]:
    """Requirements for pip of a language's packages that are not installed."""
    return [requirement for module, requirement in EXTRAS.get(language, {}).items() if find_spec(module) is None]


def require_packages(language: str) -> None:
    """Check that the packages of a language are installed.

    Raises:
        UserError: some are missing; it says the command that installs them.
    """
    missing = missing_packages(language)
    if missing:
        raise UserError(f"the language {language!r} needs packages that are missing: pip install {' '.join(missing)}")
