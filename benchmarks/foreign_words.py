"""Make the table of words that are certain inside another language, and count what it finds in plain text.

    python benchmarks/foreign_words.py table                        # nuanced_speech/data/foreign_words.tsv.xz
    python benchmarks/foreign_words.py found de TEXT.txt...         # the stretches that are found, one a line

``table`` needs simplemma==2.0.0 (MIT), whose dictionaries tell which languages have a word, and wordfreq==3.1.1, which
tells how often it is used in each; nothing else here needs them. A word of misaki's English dictionary is certain in a
language whose dictionary does not have it, and in which it is used less than a fiftieth as often as in English. One of
the 8,000 commonest words of another language is certain inside English by the same rule, and may stand beside such
words where it is an English one too, but is used fifty times as often.
"""

import argparse
import lzma
import re
import sys
import unicodedata
from pathlib import Path

from nuanced_speech.text import foreign
from nuanced_speech.text.english import dictionary
from nuanced_speech.text.notation import hidden
from nuanced_speech.text.sentences import sentences

# How many times as often a word is used in English.
RATIO = 50.0
# Number of the commonest words of a language that are looked at.
COMMON = 8000
# The same for words with accents.
UNACCENTED = 50_000
# Least frequency of an English word, and the letters of one.
LEAST, LETTERS = 2e-7, (2, 16)


def table(path: Path = foreign.TABLE) -> None:
    """Write the table."""
    from simplemma import is_known
    from wordfreq import top_n_list, word_frequency

    def known(word: str, language: str) -> bool:
        return is_known(word, lang=language) or is_known(word.capitalize(), lang=language)

    def rarer(word: str, language: str, frequency: float) -> bool:
        return word_frequency(word, language, wordlist="large") * RATIO < frequency

    # people leave out accents, so that a French word may look like an English one
    unaccented = {
        one: {plain for word in top_n_list(one, UNACCENTED, wordlist="large") if (plain := _plain(word)) != word}
        for one in foreign.LANGUAGES
    }
    rows = []
    english = dictionary()
    for word in sorted(english):
        frequency = word_frequency(word, "en", wordlist="large")
        if re.fullmatch("[a-z]+", word) and LETTERS[0] <= len(word) <= LETTERS[1] and frequency >= LEAST:
            where = [
                one
                for one in foreign.LANGUAGES
                if not known(word, one) and rarer(word, one, frequency) and word not in unaccented[one]
            ]
            rows.append(f"{word}\ten\t{' '.join(where)}")
    for language in foreign.LANGUAGES:
        for word in sorted(top_n_list(language, COMMON, wordlist="large")):
            frequency = word_frequency(word, language, wordlist="large")
            if re.fullmatch(r"[^\W\d_]+", word) and known(word, language) and rarer(word, "en", frequency):
                certain = not known(word, "en") and word not in english
                rows.append(f"{word}\t{language}\t{'en' * certain}")
    path.write_bytes(lzma.compress("\n".join(rows).encode() + b"\n", preset=9))
    print(f"{path}: {len(rows)} words, {path.stat().st_size / 1000:.0f} kB")


def _plain(word: str) -> str:
    """A word without its accents."""
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


def found(language: str, texts: list[Path]) -> None:
    """Print the foreign stretches of texts, and how many sentences have any."""
    total = changed = 0
    for text in texts:
        for line in text.read_text(encoding="utf-8").splitlines():
            for sentence in sentences(line, language):
                total += 1
                stretches = list(foreign.stretches(hidden(sentence.text)[0], language))
                changed += len(stretches) > 1
                for stretch, own in stretches:
                    if own != language:
                        print(f"{own}\t{stretch.strip()}\t{sentence.text}")
    print(f"{language}: {changed} of {total} sentences have a stretch of another language", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("table", "found"))
    parser.add_argument("language", nargs="?")
    parser.add_argument("texts", nargs="*", type=Path)
    options = parser.parse_args()
    if options.what == "table":
        table()
    else:
        found(options.language, options.texts)
