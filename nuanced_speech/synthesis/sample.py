"""A test sentence for a voice, in its own language."""

from nuanced_speech.synthesis.text_to_speech import language_of
from nuanced_speech.text.languages import missing_packages
from nuanced_speech.voice.stock import iso_639
from nuanced_speech.voice.voice import Voice

SENTENCES = {
    "en": "The weather in the mountains is cold today, and nobody wants to leave the house before noon.",
    "es": "Hoy hace frío en las montañas, y nadie quiere salir de casa antes del mediodía.",
    "fr": "Il fait froid aujourd'hui dans les montagnes, et personne ne veut sortir avant midi.",
    "it": "Oggi fa freddo in montagna, e nessuno vuole uscire di casa prima di mezzogiorno.",
    "pt": "Hoje faz frio nas montanhas, e ninguém quer sair de casa antes do meio-dia.",
    "hi": "आज पहाड़ों में ठंड है, और कोई भी दोपहर से पहले घर से बाहर नहीं जाना चाहता।",
    "ja": "今日の山は寒くて、昼まで誰も家を出たがりません。",
    "zh": "今天山里很冷，中午以前谁也不想出门。",
}


def sentence_for(voice: Voice) -> tuple[str, str]:
    """A sentence and its language, one of ``VOICE_LANGUAGES``.

    The language is the voice's, or American English where the packages for the voice's language are not installed."""
    language = language_of(voice)
    if missing_packages(iso_639(language)):
        language = "en-us"
    return SENTENCES[iso_639(language)], language
