"""The language of a text."""

import pytest

from nuanced_speech.synthesis.utterances import text_parts
from nuanced_speech.text.detection import DetectionConfig, detect_language, language_stretches, sentence_language
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


@pytest.mark.parametrize(
    ("sentence", "language", "stretches"),
    [
        ('She said "Guten Morgen, meine Damen und Herren" and left.', "en",
         [("She said ", "en"), ('"Guten Morgen, meine Damen und Herren" ', "de"), ("and left.", "en")]),
        ("“Je ne comprends pas du tout,” he told me (non capisco niente di questa storia).", "en",
         [("“Je ne comprends pas du tout,” ", "fr"), ("he told me ", "en"),
          ("(non capisco niente di questa storia).", "it")]),
        ("Er rief «Nobody expected such weather» und ging.", "de",
         [("Er rief ", "de"), ("«Nobody expected such weather» ", "en"), ("und ging.", "de")]),
        # quotations in the language of the text, short ones, apostrophes, notation, another script
        ('"Nobody knew," he said, "and nobody ever asked."', "en", None),
        ('He calls it "Weltschmerz" or "joie de vivre".', "en", None),
        ("The boys' old dog isn't Tom's (or Ann's) dog.", "en", None),
        ("Say [Kokoro](/kˈOkəɹO/) (it is a name).", "en", None),
        ("Он сказал «What a beautiful morning» и ушёл.", "ru", None),
    ],
)  # fmt: skip
def test_a_quotation_in_another_language(sentence: str, language: str, stretches: list[tuple[str, str]] | None) -> None:
    assert language_stretches(sentence, language) == (stretches or [(sentence, language)])


def test_no_quotation_in_english_is_taken_for_another_language() -> None:
    """Windows of three to six words of the packaged sentences, in quotes."""
    for line in SENTENCES.read_text(encoding="utf-8").splitlines()[::5]:
        words = line.split()
        for count in (3, 6):
            for start in range(0, len(words) - count + 1, 3):
                quoted = f'Then "{" ".join(words[start : start + count])}"'
                assert language_stretches(quoted, "en") == [(quoted, "en")]


def test_a_quotation_is_spoken_by_the_rules_of_its_language() -> None:
    text = 'They read "Guten Morgen, meine 3 Damen, und auf Wiedersehen" and 2 notes.'
    assert list(spoken_sentences(text)) == [
        'They read "Guten Morgen, meine drei Damen, und auf Wiedersehen" and two notes.'
    ]
    german = phonemize("Guten Morgen, meine 3 Damen, und auf Wiedersehen", "de")
    [part] = text_parts(text, "en", False)
    assert german in part.phonemes and [word.text for word in part.words][:2] == ["They", "read"]
    assert part.phonemes.split()[-1] == phonemize("notes.").split()[-1]
    assert german in phoneme_chunks(text)[0]


def test_a_sentence_in_another_language_is_spoken_by_its_rules() -> None:
    text = "She opened the door. Guten Morgen, meine 3 Damen und Herren! They all sat down."
    assert list(spoken_sentences(text))[1] == "Guten Morgen, meine drei Damen und Herren!"
    spoken = [part.phonemes.strip() for part in text_parts(text, "en", False)]
    assert spoken[1] == phonemize("Guten Morgen, meine 3 Damen und Herren!", "de")
    assert phonemize("Guten Morgen, meine 3 Damen und Herren!", "de") in phoneme_chunks(text)[0]
    assert spoken[0] == phonemize("She opened the door.")
