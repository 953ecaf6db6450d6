"""The language of a text."""

import pytest

from nuanced_speech.synthesis.utterances import text_parts
from nuanced_speech.text.detection import DetectionConfig, detect_language, sentence_language
from nuanced_speech.text.frontend import spoken_sentences
from nuanced_speech.text.g2p import phoneme_chunks, phonemize
from nuanced_speech.train.configs import LANGUAGE_TEXTS, SENTENCES


def test_sentences_are_recognised_and_no_beginning_is_taken_for_another_language() -> None:
    texts = {path.stem: path for path in LANGUAGE_TEXTS.glob("*.txt")} | {"en": SENTENCES}
    assert len(texts) == 14
    for language, path in texts.items():
        lines = path.read_text(encoding="utf-8").splitlines()[:24]
        assert sum(detect_language(line) == language for line in lines) >= 0.9 * len(lines)
        assert {detect_language(" ".join(line.split()[:3])) for line in lines} <= {language, None}


@pytest.mark.parametrize("text", ["", "OK", "123", "Yes.", "?!"])
def test_too_short_to_tell(text: str) -> None:
    assert detect_language(text) is None


def test_the_least_probability_can_be_chosen() -> None:
    assert detect_language("Guten Morgen") is None
    assert detect_language("Guten Morgen", DetectionConfig(least=0.2)) == "de"


@pytest.mark.parametrize(
    ("sentence", "language", "own"),
    [
        ("Guten Morgen, meine Damen und Herren!", "en", "de"),
        ("Je ne comprends pas du tout cette histoire.", "en", "fr"),
        ("Nobody expected such weather so late in June.", "de", "en"),
        ("Nobody expected such weather so late in June.", "en", "en"),
        # too short, names, foreign words inside a sentence, IPA, notation, kin, another script
        ("Guten Morgen, Herr Schmidt.", "en", "en"),
        ("Louis XIV built Versailles.", "en", "en"),
        ("He said Guten Morgen, meine Damen, and they left.", "en", "en"),
        ("[nəkɫudɔf ˈfɫəʃt... ənd ˈfɛɫt - ˈɔɫˌweɪz ˈdɪd!]", "en", "en"),
        ("[Kokoro](/kˈOkəɹO/) speaks nine different languages.", "en", "en"),
        ("Jeg ved ikke, hvad der er sket med bilen.", "no", "no"),
        ("这是一个非常长的句子，我们今天去公园散步。", "en", "en"),
        ("Nobody expected such weather so late in June.", "haw", "haw"),
    ],
)
def test_a_sentence_in_another_language(sentence: str, language: str, own: str) -> None:
    assert sentence_language(sentence, language) == own


def test_a_sentence_in_another_language_is_spoken_by_its_rules() -> None:
    text = "She opened the door. Guten Morgen, meine 3 Damen und Herren! They all sat down."
    assert list(spoken_sentences(text))[1] == "Guten Morgen, meine drei Damen und Herren!"
    spoken = [part.phonemes.strip() for part in text_parts(text, "en", False)]
    assert spoken[1] == phonemize("Guten Morgen, meine 3 Damen und Herren!", "de")
    assert phonemize("Guten Morgen, meine 3 Damen und Herren!", "de") in phoneme_chunks(text)[0]
    assert spoken[0] == phonemize("She opened the door.")
