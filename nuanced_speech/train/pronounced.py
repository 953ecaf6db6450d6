"""Which of Whisper's tokens are English words, and how they are pronounced."""

import re

from tqdm import tqdm

from nuanced_speech.errors import UserError
from nuanced_speech.lexicon import WORDS, Lexicon
from nuanced_speech.text import in_dictionary, pronounce
from nuanced_speech.whisper import Listener

# "the", "a", "to" are said otherwise before a vowel; among the first tokens are all such words.
COMMON = 3000
CONTEXTS = ("{}", "{} apple", "{} table")


def pronounced_words(listener: Listener, first: int | None = None) -> Lexicon:
    """Every token of the Whisper model, or of its ``first`` ones, which are the most frequent, that is a word of the
    pronunciation dictionary, by its pronunciation.

    Raises:
        UserError: none of them is.
    """
    tokenizer = listener.english_tokenizer
    words: dict[str, list[int]] = {}
    for token in tqdm(range(first or tokenizer.eot), "pronouncing Whisper's words"):
        word = tokenizer.decode([token])
        if not re.fullmatch(" [A-Za-z][a-z]*", word) or not in_dictionary(word[1:]):
            continue
        for context in CONTEXTS if token < COMMON else CONTEXTS[:1]:
            phonemes = pronounce(context.format(word[1:]))[0].phonemes.strip()
            if len(WORDS.findall(phonemes)) == 1 and token not in words.setdefault(phonemes, []):
                words[phonemes].append(token)
    if not words:
        raise UserError(f"Whisper {listener.name} has no English words among its tokens")
    return Lexicon(words)
