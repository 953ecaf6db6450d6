"""Words of another language inside a sentence, without quotes."""

from __future__ import annotations

import pytest

from nuanced_speech.synthesis.utterances import text_parts
from nuanced_speech.text.foreign import LANGUAGES, stretches
from nuanced_speech.text.frontend import spoken_text
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.pronunciation import pronounce
from nuanced_speech.train.configs import LANGUAGE_TEXTS, SENTENCES


@pytest.mark.parametrize(
    ("language", "sentence", "found"),
    [
        ("de", "Das Meeting ist cancelled.", ["Meeting ", "cancelled."]),
        ("de", "Er sagte „they never worked there“ und ging.", ["„they never worked there“ "]),
        ("es", "Escucha la playlist de Spotify, ¿no?", ["playlist ", "Spotify, "]),
        ("es", "Trabaja en The New York Times (desde ayer).", ["The New York Times "]),
        ("fr", "C’est vraiment awesome, dit-elle.", ["awesome, "]),
        ("it", "Ha detto don't worry about it ed è uscito.", ["don't worry about it "]),
        ("nl", "Luister naar de playlists.", ["playlists."]),
        ("pt", "O meeting foi cancelled.", ["meeting ", "cancelled."]),
        ("en", "She wished me buon compleanno, and hung up.", ["buon compleanno, "]),
        ("en", "My grandma says hasta luego mi amor every day.", ["hasta luego mi amor "]),
        ("en", "She said Guten Morgen, meine Damen, and they left.", ["Guten Morgen, meine Damen, "]),
        # words of both languages, names, parts of words, one foreign word in English, words that look English
        ("de", "Die Made war fast im Brief, also sage ich nichts.", []),
        ("de", "Die Marketing-Abteilung schrieb an thank@you.de.", []),
        ("es", "Los litres y los doubles de Carter y Bush.", []),
        ("it", "Il rivestimento in reps, state a casa.", []),
        ("pt", "Com The Beatles no rádio do carro.", ["The Beatles "]),
        ("en", "It was pure Schadenfreude, and Los Angeles burned.", []),
        ("en", "Die in war, or sang the van der Waals forces?", []),
        # other languages are left alone
        ("pl", "Meeting jest cancelled.", []),
    ],
)
def test_foreign_stretches(language: str, sentence: str, found: list[str]) -> None:
    result = list(stretches(sentence, language))
    assert "".join(stretch for stretch, _ in result) == sentence
    assert [stretch for stretch, own in result if own != language] == found


@pytest.mark.parametrize("language", [*LANGUAGES, "en"])
def test_plain_text_has_none(language: str) -> None:
    path = SENTENCES if language == "en" else LANGUAGE_TEXTS / f"{language}.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        assert list(stretches(line, language)) == [(line, language)]


def test_foreign_words_are_spoken_by_the_rules_of_their_language() -> None:
    text = "Das Meeting (mit 3 Leuten) ist cancelled."
    phonemes = phonemize(text, "de")
    assert phonemes.startswith(f"{phonemize('das', 'de')} {phonemize('meeting', 'en')} ")
    assert phonemes.endswith(phonemize("cancelled.", "en"))
    assert spoken_text(text, "de") == "Das Meeting (mit drei Leuten) ist cancelled."
    words = pronounce(text, "de")
    assert [word.text.strip() for word in words] == text.split()
    [part] = text_parts(text, "de", False)
    assert part.words[1].phonemes.strip() == phonemize("meeting", "en")
    assert phonemize("buon compleanno", "it") in phonemize("She wished me buon compleanno.", "en")
