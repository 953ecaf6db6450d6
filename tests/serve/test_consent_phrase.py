"""Which transcripts are the consent phrase, and which are not."""

from __future__ import annotations

import pytest

from nuanced_speech.serve.consent_phrase import AGREEMENTS, NEGATIONS, OTHER_SCRIPTS, PHRASES, check_phrase, language_of
from nuanced_speech.serve.errors import ApiError


@pytest.mark.parametrize(
    ("language", "words"),
    [
        *PHRASES.items(),
        *OTHER_SCRIPTS.items(),
        ("en", "i agree that my voice is closed on the machine and that it speaks the text that are given to it"),
        ("de", "Ich stimme zu, dass meine Stimme auf diesem Rechner nachgebildet wird und die Texte spricht."),
        ("hi", "मैं सहमत हूं कि मेरी आवाज इस मशीन पर क्लोन की जाए, और वह दिये गये पाठ बोले"),
        ("zh", "我同意在這台機器上复制我的声音并让它朗读给它的文字"),
    ],
)
def test_the_phrase_is_taken_also_with_some_words_otherwise(language: str, words: str) -> None:
    check_phrase(words, language, 0.35)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", PHRASES["en"].replace("I agree", "I do not agree")),
        ("en", PHRASES["en"].replace("I agree", "I don't agree")),
        ("en", PHRASES["en"].replace("I agree", "I disagree")),
        ("en", PHRASES["en"].replace("is cloned", "is not cloned")),
        ("en", PHRASES["en"].replace("it speaks", "it never speaks")),
        ("en", PHRASES["en"].replace("it speaks", "it doesn\N{RIGHT SINGLE QUOTATION MARK}t speak")),
        ("en", PHRASES["en"].replace("I agree", "He agrees")),
        ("de", PHRASES["de"].replace("Ich stimme zu", "Ich stimme nicht zu")),
        ("de", PHRASES["de"].replace("auf diesem", "nicht auf diesem")),
        ("es", "No " + PHRASES["es"]),
        ("fr", PHRASES["fr"].replace("J'accepte", "Je n'accepte pas")),
        ("hi", PHRASES["hi"].replace("सहमत", "सहमत नहीं")),
        ("hi", PHRASES["hi"].replace("क्लोन की", "क्लोन न की")),
        ("it", "Non " + PHRASES["it"]),
        ("ja", PHRASES["ja"].replace("同意します", "同意しません")),
        ("pt", "Não " + PHRASES["pt"]),
        ("zh", PHRASES["zh"].replace("同意", "不同意")),
        ("zh", OTHER_SCRIPTS["zh"].replace("並讓", "並不讓")),
        # the agreement alone
        ("en", "I agree that my voice is loud"),
        ("en", ""),
    ],
)
def test_other_words_and_their_contrary_are_refused(language: str, words: str) -> None:
    with pytest.raises(ApiError, match="read this aloud") as refused:
        check_phrase(words, language, 0.35)
    assert refused.value.code == "consent_phrase_mismatch" and PHRASES[language] in str(refused.value)


def test_each_language_has_its_agreement_and_negations() -> None:
    assert set(PHRASES) == set(AGREEMENTS) == set(NEGATIONS)
    for language, agreements in AGREEMENTS.items():
        scripts = [PHRASES[language], OTHER_SCRIPTS.get(language, "")]
        assert all(any(words in script for script in scripts) for words in agreements)


@pytest.mark.parametrize(
    ("tag", "language"),
    [("de", "de"), ("pt-BR", "pt"), ("zh_TW", "zh"), ("FR", "fr"), ("sw", "en"), ("", "en"), ("en_GB", "en")],
)
def test_language_of_a_tag(tag: str, language: str) -> None:
    assert language_of(tag) == language
    assert language_of(tag, english_only=True) == "en"
