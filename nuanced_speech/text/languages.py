"""Languages that text can be in, and the packages that some of them need.

Kokoro speaks nine. The others that Whisper transcribes and espeak-ng speaks are written with Kokoro's symbols by
``text.articulation``; ``docs/languages.md`` says how well.
"""

from importlib.util import find_spec

from nuanced_speech.core.errors import UserError

ESPEAK_LANGUAGES = {"es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
# ISO 639-1 codes, which espeak-ng uses too, of the languages that Whisper transcribes and only espeak-ng speaks.
_SAME_NAMES = (
    "af am ar as az ba be bg bn bs ca cs cy da de el et eu fa fi gu haw he hr ht hu hy id is ka kk kn ko la lb lt lv "
    "mi mk ml mr ms mt my ne nl pa pl ro ru sd si sk sl sq sr sv sw ta te th tk tr tt uk ur uz vi yue"
)
# espeak-ng's name of each such language. It has no dictionary for Faroese.
MAPPED_LANGUAGES = {code: code for code in _SAME_NAMES.split()} | {"nn": "nb", "no": "nb"}
LANGUAGES = ("en", *ESPEAK_LANGUAGES, *MAPPED_LANGUAGES)
# Languages that are written without spaces between words.
UNSPACED_LANGUAGES = frozenset(("ja", "my", "th", "yue", "zh"))
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


def language_code(tag: str) -> str:
    """ISO 639 code of a BCP 47 tag, which may have underscores: ``en`` of ``en-GB`` and of ``en_GB``."""
    return tag.replace("_", "-").split("-")[0].lower()


def has_text_path(language: str) -> bool:
    """Whether text in a language can be spoken with the packages that are installed."""
    return language in LANGUAGES or (language in EXTRAS and not missing_packages(language))


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
