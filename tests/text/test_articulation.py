"""Phones of other languages in Kokoro's symbols, and text in those languages."""

from __future__ import annotations

import pytest
from whisper.tokenizer import LANGUAGES as HEARD

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.text.articulation import TABLE, far, left_out, table, to_kokoro
from nuanced_speech.text.engines import engine
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.text.languages import MAPPED_LANGUAGES, has_text_path
from nuanced_speech.text.pronunciation import pronounce
from nuanced_speech.train.configs import LANGUAGE_TEXTS


@pytest.mark.parametrize(
    ("text", "language", "phonemes"),
    [
        # ö, ü, ch before and after front vowels, r, -er, eu, z, ei
        ("Köln", "de", "kˈœln"),
        ("für fünf Bücher", "de", "fyːɐ fˈynf bˈyːçɐ"),
        # r is a vowel after one
        ("Der Arm, Brot.", "de", "dɛɐ ˈaɐm, bʁˈoːt."),
        ("auch ich", "de", "ˌWx ɪç"),
        ("rote Häuser", "de", "ʁˈoːtə hˈYzɐ"),
        ("zwei Zeiten", "de", "ʦvˈI ʦˈItən"),
        ("Huis, goed, uur.", "nl", "hˈWs, xˈut, ˈyɾ."),
        ("źdźbło", "pl", "ʒʥbwˈɔ"),
        ("жить", "ru", "ʒˈɨtʲ"),
        ("küçük göl", "tr", "kyʧˈyk ɡjˈœl"),
        ("řeka", "cs", "rʒˈeka"),
        ("Llan", "cy", "hlˈan"),
        ("한국어", "ko", "hˈankukˌʌ"),
        ("sjö", "sv", "ʃˈøː"),
    ],
)
def test_words(text: str, language: str, phonemes: str) -> None:
    assert phonemize(text, language) == phonemes


@pytest.mark.parametrize(
    ("ipa", "language", "symbols"),
    [
        ("t͡s t͡ʃ d͡ʑ a͡ʊ", "cs", "ʦ ʧ ʥ W"),
        # what has no line of its own is taken apart, from the front
        ("t͡ʃʲ u͡in", "lt", "ʧʲ uin"),
        ("kʰʲ \u00e3ː", "pa", "kʰʲ a\u0303ː"),
        # espeak-ng's own signs: a glottal mark tied to Danish vowels, tones, palatalisation
        ("ʔ͡o ?͡ɑ?", "da", "o ɑ?"),
        ("mˈa4 fˈa͡aɜ", "yue", "mˈa fˈa"),
        ("t͡^sʲ", "be", "ʦʲ"),
        ("r.aː isra.ːwiːl ar. a", "ml", "ɾaː israːwiːl ar. a"),
        # the same sign for another sound
        ("r c", "de", "ʁ tj"),
        ("r c", "hi", "r tj"),
        ("r c", "bn", "r c"),
    ],
)
def test_phones(ipa: str, language: str, symbols: str) -> None:
    assert to_kokoro(ipa, language) == symbols


def test_what_is_lost_is_told() -> None:
    assert left_out("a ⱱ", "de") == {"ⱱ"}
    assert far("ʕa", "ar") == {"ʕ"}
    assert left_out("mˈa4", "yue") == far("mˈa4", "yue") == set()


def test_the_table_has_symbols_that_kokoro_knows_and_no_line_twice() -> None:
    keys = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            languages, phone, symbols, nearness = line.split("\t")
            keys += [(language, phone) for language in languages.split()]
            assert set(symbols) <= set(vocabulary())
            assert nearness in ("same", "near", "far", "tone")
            assert set(languages.split()) <= {*MAPPED_LANGUAGES, "*"}
    assert len(set(keys)) == len(keys) > 100
    # a symbol that Kokoro never heard is not used for others
    assert not {"q", "χ", "ɽ"} & {symbol for sound in table("de").values() for symbol in sound.symbols}


def test_every_language_that_whisper_hears_and_espeak_speaks_has_a_text_path() -> None:
    from phonemizer.backend import EspeakBackend

    engine("de")
    spoken = EspeakBackend.supported_languages()
    # Kokoro's own, and Faroese, which has rules and no dictionary
    assert {code for code in HEARD if code in spoken} - {"en", "es", "fr", "hi", "it", "ja", "pt", "fo"} == {
        code for code, name in MAPPED_LANGUAGES.items() if code == name
    }
    assert set(MAPPED_LANGUAGES.values()) <= set(spoken)
    assert all(has_text_path(code) for code in ("en", "pt", "de", "no"))
    assert not has_text_path("km")


@pytest.mark.parametrize("language", ["de", "nl", "pl", "ru", "ko", "tr"])
def test_sentences_lose_no_sound(language: str) -> None:
    for line in (LANGUAGE_TEXTS / f"{language}.txt").read_text(encoding="utf-8").splitlines()[:12]:
        ipa = engine(language).ipa(line)  # type: ignore[attr-defined]
        assert not left_out(ipa, language)
        assert set(phonemize(line, language)) <= set(vocabulary())


def test_marks_of_other_scripts() -> None:
    assert (
        phonemize("كيف؟ نعم، لا.", "ar").translate(str.maketrans("", "", "abcdefghijklmnopqrstuvwxyzˈˌːʔʕ ")) == "?,."
    )
    assert phonemize("„Ja“ (nein)", "de") == "“jˈɑː“ (nˈIn)"


def test_words_with_their_phonemes() -> None:
    words = pronounce("Guten [Tag](/tˈɑːk/), Welt!", "de")
    assert [word.text for word in words] == ["Guten", "Tag", ",", "Welt!"]
    assert [word.phonemes.strip() for word in words[:2]] == ["ɡˈuːtən", "tˈɑːk"]
    # a character is a syllable
    assert [word.text for word in pronounce("你好，世界", "yue")] == ["你", "好，", "世", "界"]


# as they were before other languages were added: misaki's own spelling, with nothing mapped
OWN = {
    "en": ("The thoughtful judge measured Zoë's garage.", "ðə θˈɔtfᵊl ʤˈʌʤ mˈɛʒəɹd zˈOiz ɡəɹˈɑʒ."),
    "es": ("¿Cuántos años tienes, guapa?", "¿kwˈantos ˈaɲos tjˈenes, ɡwˈapa?"),
    "fr": ("Un bon vin blanc, s'il vous plaît.", "œ̃ bˈɔ̃ vˈɛ̃ blˈɑ̃, sil vu plˈɛ."),
    "hi": ("लड़की घोड़ा देख रही है।", "lˈʌr.kˌi ɡʰˈoːr.aː dˈeːkʰ ɾˌəhi hɛː"),
    "it": ("Gli gnocchi, per favore.", "ʎɪ ɲˈokːɪ, per favˈore."),
    "pt": ("Não sei, João.", "nˌɐ̃ʊ̃ sˈA, ʒoˈɐ̃ʊ̃."),
}


@pytest.mark.parametrize("language", sorted(OWN))
def test_kokoros_own_languages_keep_their_phonemes(language: str) -> None:
    text, phonemes = OWN[language]
    assert phonemize(text, language) == phonemes


def test_a_language_that_nobody_speaks() -> None:
    with pytest.raises(UserError, match="no phonemes for the language 'km': neither Kokoro nor espeak-ng speaks it"):
        phonemize("ភាសាខ្មែរ", "km")
