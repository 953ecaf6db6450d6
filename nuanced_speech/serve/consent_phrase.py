"""The phrase with which a speaker consents to the cloning of the voice, and whether it was read."""

from nuanced_speech.serve.errors import ApiError
from nuanced_speech.text.word_errors import word_errors

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


def language_of(tag: str, english_only: bool = False) -> str:
    """Language of the phrase for a BCP 47 tag: English where there is none, or the recogniser knows no other."""
    code = tag.replace("_", "-").split("-")[0].lower()
    return code if code in PHRASES and not english_only else ENGLISH


def check_phrase(words: str, language: str, most: float) -> None:
    """Refuse a consent whose words are others.

    Args:
        words: transcript of the recording.
        language: one of ``PHRASES``.
        most: share of the words that the transcript may have otherwise.

    Raises:
        ApiError: the phrase was not read.
    """
    phrase = PHRASES[language]
    if word_errors(phrase, words, language).wer > most:
        understood = f"the recording says {words[:150]!r}" if words.strip() else "no words are understood"
        message = f"recording: {understood}: read this aloud, word for word: {phrase}"
        raise ApiError(400, message, "recording", "consent_phrase_mismatch")
