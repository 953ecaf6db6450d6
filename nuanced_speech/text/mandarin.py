"""Grapheme-to-phoneme conversion for Mandarin: misaki's, with an own instance of jieba that cuts text into words."""

import re
from typing import Any

from nuanced_speech.core.cache import cache_folder

_RUNS = re.compile("([\u4e00-\u9fff]+)")
_NON_SYLLABIC = "\u032f"
"""The mark of a vowel that is no syllable, which Kokoro's symbols lack."""


class MandarinG2P:
    """Called with a text, gives its phonemes in Kokoro's symbols, and None for tokens, as misaki's engines do.

    The steps are those of ``misaki.zh.ZHG2P``, which calls jieba's functions of the module; their one tokenizer keeps
    its cache in a folder that everyone can write to, and reads it back without a check.
    """

    def __init__(self) -> None:
        import jieba
        from cn2an import transform
        from misaki.zh import ZHG2P

        jieba.setLogLevel("ERROR")
        self._misaki, self._numbers_written = ZHG2P, transform
        self._tokenizer: Any = jieba.Tokenizer()
        cache_folder().mkdir(parents=True, exist_ok=True)
        self._tokenizer.tmp_dir = str(cache_folder())

    def words(self, text: str) -> list[str]:
        """The words of a text, its marks and spaces included."""
        return self._tokenizer.lcut(text)

    def __call__(self, text: str) -> tuple[str, None]:
        if not text.strip():
            return "", None
        text = self._misaki.map_punctuation(self._numbers_written(text, "an2cn"))
        runs = [self._run(run) if number % 2 else run for number, run in enumerate(_RUNS.split(text))]
        return "".join(runs).replace(_NON_SYLLABIC, ""), None

    def _run(self, run: str) -> str:
        """Phonemes of Chinese characters that follow each other."""
        return " ".join(self._misaki.word2ipa(word) for word in self.words(run))
