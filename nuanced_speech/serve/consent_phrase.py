"""The phrase with which a speaker consents to the cloning of the voice, and whether it was read."""

import unicodedata

from nuanced_speech.serve.errors import ApiError
from nuanced_speech.text.languages import language_code
from nuanced_speech.text.word_errors import UNSPACED_LANGUAGES, normalized_words, word_errors

ENGLISH = "en"
PHRASES = {
    ENGLISH: "I agree that my voice is cloned on this machine, and that it speaks the texts that are given to it.",
    "de": "Ich stimme zu, dass meine Stimme auf diesem Rechner nachgebildet wird und die Texte spricht, die ihr "
    "gegeben werden.",
    "es": "Acepto que mi voz sea clonada en este ordenador y que lea los textos que se le den.",
    "fr": "J'accepte que ma voix soit clonée sur cette machine et qu'elle lise les textes qui lui sont donnés.",
    "hi": "मैं सहमत हूँ कि मेरी आवाज़ इस मशीन पर क्लोन की जाए और वह दिए गए पाठ बोले।",
    "it": "Accetto che la mia voce venga clonata su questo computer e che legga i testi che le vengono dati.",
    "ja": "私の声がこの機械で複製され、与えられた文章を読み上げることに同意します。",
    "pt": "Concordo que a minha voz seja clonada neste computador e que leia os textos que lhe forem dados.",
    "zh": "我同意在这台机器上复制我的声音，并让它朗读给它的文字。",
}
"""By language, ISO 639-1."""
OTHER_SCRIPTS = {"zh": "我同意在這台機器上複製我的聲音，並讓它朗讀給它的文字。"}
"""The phrase in a second script, by language: recognisers write Chinese in either."""
AGREEMENTS = {
    ENGLISH: ("I agree that my voice",),
    "de": ("Ich stimme zu, dass meine Stimme",),
    "es": ("Acepto que mi voz",),
    "fr": ("J'accepte que ma voix",),
    "hi": ("मैं सहमत हूँ कि मेरी आवाज़",),
    "it": ("Accetto che la mia voce",),
    "ja": ("ことに同意します",),
    "pt": ("Concordo que a minha voz",),
    "zh": ("我同意在这", "我同意在這"),
}
"""Words of the phrase that agree, by language: one of these has to stand in a transcript as it is."""
NEGATIONS = {
    ENGLISH: ["not", "no", "never", "nor", "neither", "cannot", "dont", "disagree", "refuse"],
    "de": ["nicht", "nein", "nie", "niemals", "kein", "keine", "keinen", "keinem", "keiner", "keinerlei", "weder"],
    "es": ["no", "nunca", "jamás", "ni", "tampoco"],
    "fr": ["ne", "n", "pas", "non", "jamais", "aucun", "aucune", "ni"],
    "hi": ["नहीं", "नही", "न", "ना", "मत"],
    "it": ["non", "no", "mai", "né", "nessun", "nessuna", "nemmeno"],
    "ja": ["ません", "ない", "なく", "拒否", "反対"],
    "pt": ["não", "nao", "nunca", "jamais", "nem", "discordo"],
    "zh": ["不", "没", "沒", "别", "別", "勿", "未", "拒"],
}
"""Words that none of the phrases has, by language, and that turn one into its contrary."""


def language_of(tag: str, english_only: bool = False) -> str:
    """Language of the phrase for a BCP 47 tag: English where there is none, or the recogniser knows no other."""
    code = language_code(tag)
    return code if code in PHRASES and not english_only else ENGLISH


def check_phrase(words: str, language: str, most: float) -> None:
    """Refuse a consent whose words are others: the words that agree have to stand as they are, and nothing is negated.

    Args:
        words: transcript of the recording.
        language: one of ``PHRASES``.
        most: share of the words that the transcript may have otherwise, besides.

    Raises:
        ApiError: the phrase was not read.
    """
    phrase = PHRASES[language]
    scripts = (phrase, OTHER_SCRIPTS.get(language, phrase))
    rate = min(word_errors(script, words, language).wer for script in scripts)
    if rate > most or not _agrees(words, language) or _negates(words, language):
        understood = f"the recording says {words[:150]!r}" if words.strip() else "no words are understood"
        message = f"recording: {understood}: read this aloud, word for word: {phrase}"
        raise ApiError(400, message, "recording", "consent_phrase_mismatch")


def _agrees(words: str, language: str) -> bool:
    said = _joined(normalized_words(words, language))
    return any(_joined(normalized_words(agreement, language)) in said for agreement in AGREEMENTS[language])


def _negates(words: str, language: str) -> bool:
    if language in UNSPACED_LANGUAGES:
        return any(negation in "".join(normalized_words(words, language)) for negation in NEGATIONS[language])
    if language == ENGLISH:
        # the normaliser writes don't as "do not", but knows no curly apostrophe
        said = normalized_words(words.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"), language)
    else:
        # the normaliser takes away the vowel signs of Hindi, so that other words would look like negations
        text = unicodedata.normalize("NFC", words.lower())
        said = "".join(" " if unicodedata.category(c)[0] in "PS" else c for c in text).split()
    return not set(said).isdisjoint(NEGATIONS[language])


def _joined(words: list[str]) -> str:
    return f" {' '.join(words)} "
