"""Which of Whisper's tokens are English words or parts of them, and how they are pronounced."""

import random
import re
from collections import defaultdict

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import step_bar
from nuanced_speech.models.phoneme_tokenizer import SYMBOLS, WORDS, PhonemeTokenizer
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.english import dictionary, dictionary_words, in_dictionary
from nuanced_speech.text.pronunciation import pronounce
from nuanced_speech.train.letters import Letters

# First tokens, which include all words that are pronounced otherwise before a vowel ("the", "a", "to").
COMMON = 3000
CONTEXTS = ("{}", "{} apple", "{} table")
# Number of parts of words: they write four fifths of the words of 50 recordings that are no single token.
PARTS = 24_000
MOST_PARTS = 3
# Words from which it is learned what letters stand for.
LEARNED = 8000
LEAST_SHARE = 1e-4
# Phonemes, after a space at the beginning of a word, and Whisper's token that stands for them.
Part = tuple[str, int]


def pronounced_words(listener: WhisperModel, first: int | None = None, parts: int = PARTS) -> PhonemeTokenizer:
    """Every token of the Whisper model, or of its ``first`` ones, which are the most frequent, that is a word of the
    pronunciation dictionary, by its pronunciation; and the ``parts`` that most words that are no single token need.

    Raises:
        UserError: none of them is.
    """
    tokenizer = listener.english_tokenizer
    words: dict[str, list[int]] = {}
    for token in step_bar(range(first or tokenizer.eot), "pronouncing Whisper's words"):
        word = tokenizer.decode([token])
        if not re.fullmatch(" [A-Za-z][a-z]*", word) or not in_dictionary(word[1:]):
            continue
        for context in CONTEXTS if token < COMMON else CONTEXTS[:1]:
            phonemes = pronounce(context.format(word[1:]))[0].phonemes.strip()
            if len(WORDS.findall(phonemes)) == 1 and token not in words.setdefault(phonemes, []):
                words[phonemes].append(token)
    if not words:
        raise UserError(f"Whisper {listener.name} has no English words among its tokens")
    return with_parts(listener, words, dictionary(), parts) if parts else PhonemeTokenizer(words)


def with_parts(
    listener: WhisperModel,
    words: dict[str, list[int]],
    pronunciations: dict[str, str],
    limit: int,
    learned: int = LEARNED,
) -> PhonemeTokenizer:
    """A lexicon of whole ``words`` and of those parts, so many at most, that most of the longer words of a dictionary
    need, frequent ones before rare ones.

    Args:
        pronunciations: words and their phonemes.
        learned: number of words from which it is learned what letters stand for.
    """
    tokenizer = listener.english_tokenizer
    letters = Letters.learn(random.Random(0).sample(sorted(pronunciations.items()), min(learned, len(pronunciations))))
    common = set(dictionary_words())
    numbers = {
        (" " + phonemes, token): number
        for number, (phonemes, tokens) in enumerate(words.items(), SYMBOLS)
        for token in tokens
    }
    # the best way to write what sounds so, and its weight
    paths: dict[str, tuple[float, list[Part]]] = {}
    needed: dict[Part, float] = defaultdict(float)
    for word, phonemes in step_bar(pronunciations.items(), "pronouncing parts of words"):
        tokens = tokenizer.encode(" " + word)
        groups = letters.align(word, phonemes) if 1 < len(tokens) <= MOST_PARTS and phonemes not in words else None
        if groups is None:
            continue
        path, place = [], 0
        for token in tokens:
            written = tokenizer.decode([token])
            end = place + len(written.strip())
            path.append((" " * written.startswith(" ") + "".join(groups[place:end]), token))
            place = end
        # the word's frequency, roughly: Whisper's tokens are ordered by it
        weight = (1.0 if word in common or "'" in word else 0.3) * 3.0 ** -len(path) / (2000 + max(tokens))
        paths[phonemes] = max(paths.get(phonemes, (0.0, [])), (weight, path))
        for part in path:
            if part not in numbers:
                needed[part] += weight
    kept = sorted(needed, key=lambda part: -needed[part])[:limit]
    totals: dict[tuple[bool, int], float] = defaultdict(float)
    for phonemes, token in kept:
        totals[phonemes.startswith(" "), token] += needed[phonemes, token]
    shares = [needed[p, token] / totals[p.startswith(" "), token] for p, token in kept]
    parts = [(*part, max(round(share, 4), LEAST_SHARE)) for part, share in zip(kept, shares, strict=True)]
    numbers |= {part: number for number, part in enumerate(kept, SYMBOLS + len(words))}
    longer = {
        phonemes: [numbers[part] for part in path]
        for phonemes, (_, path) in paths.items()
        if all(part in numbers for part in path)
    }
    return PhonemeTokenizer(words, parts, longer)
