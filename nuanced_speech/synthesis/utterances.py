"""The text side of text to speech: sentences, their words with phonemes, and groups that Kokoro speaks at once."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.text.detection import language_stretches
from nuanced_speech.text.dictionary import Dictionary
from nuanced_speech.text.languages import UNSPACED_LANGUAGES
from nuanced_speech.text.notation import TextSegment
from nuanced_speech.text.pronunciation import Word, pronounce
from nuanced_speech.text.sentences import sentences

# Marks between clauses.
_CLAUSE_END = re.compile(r"""[,;:—、，；：]["'”’»)\]」』\s]*$""")


@dataclass(frozen=True)
class UtteranceConfig:
    """How much Kokoro speaks at once: it hurries through longer texts, and speaks a short text differently when it
    stands alone.

    Attributes:
        usual: phonemes up to which sentences are spoken together.
        longest: largest number of phonemes in a part of a sentence.
        long_sentence: letters beyond which a first sentence is cut after a clause, where its sound is waited for.
        short_clause: letters that such a clause has to exceed.
    """

    usual: int = 250
    longest: int = 400
    long_sentence: int = 60
    short_clause: int = 20


UTTERANCES = UtteranceConfig()


@dataclass(frozen=True)
class Part:
    """A sentence, or a part of a long one: the words between two pauses.

    Attributes:
        words: words with their phonemes.
        sentence: number of the sentence in the text.
        end: ``part``, or the end of the sentence as in ``text.sentences.Sentence``.
        share: share of the text up to the end of this part, 0 to 1.
        pause: seconds of silence after it, where the text gives them.
        voice: name of the voice that the text gives; None: the voice of the whole text.
        speed: factor of the speed.
        alone: Kokoro speaks it by itself, so that its audio comes soon.
    """

    words: list[Word]
    sentence: int
    end: str
    share: float
    pause: float | None = None
    voice: str | None = None
    speed: float = 1.0
    alone: bool = False

    @property
    def phonemes(self) -> str:
        """Phonemes of all words."""
        return "".join(word.phonemes for word in self.words)


def segment_parts(
    pieces: list[TextSegment],
    dialect: Callable[[str | None], tuple[str, bool]],
    dictionary: Dictionary | None = None,
    config: UtteranceConfig = UTTERANCES,
) -> Iterator[Part]:
    """The parts of the segments of a text.

    Args:
        pieces: plain text in one voice at one speed each.
        dialect: language (ISO 639-1) of a voice that the text names, or of the whole text (None), and whether it is
            British.
        dictionary: pronunciations of one's own.
        config: settings.
    """
    total, done, number = sum(len(piece.text) for piece in pieces) or 1, 0, 0
    for piece in pieces:
        language, british = dialect(piece.voice)
        before: Part | None = None
        for part in text_parts(piece.text, language, british, dictionary, config):
            share = (done + part.share * len(piece.text)) / total
            part = replace(part, sentence=number + part.sentence, share=share, voice=piece.voice, speed=piece.speed)
            if before is not None:
                yield before
            before = part
        done += len(piece.text)
        if before is not None:
            number = before.sentence + 1
            # a pause inside a sentence is all of the silence there; a change of voice or speed adds none
            if piece.pause is not None:
                yield replace(before, pause=piece.pause)
            elif piece is not pieces[-1] and before.words[-1].phonemes.strip()[-1:].isalpha():
                yield replace(before, end="part", pause=0.0)
            else:
                yield before


def text_parts(
    text: str,
    language: str,
    british: bool,
    dictionary: Dictionary | None = None,
    config: UtteranceConfig = UTTERANCES,
) -> Iterator[Part]:
    """The parts of a plain text. A word without a phoneme that Kokoro has is joined to the word before it.

    What is certainly in another language than the text, a sentence or a quotation, is spoken by the rules of its own.
    """
    symbols, number, read = vocabulary(), 0, 0
    total = sum(len(c) > 0 and not c.isspace() for c in text)
    for sentence in sentences(text, language):
        words: list[Word] = []
        pronounced = (pronounce(s, own, british, dictionary) for s, own in language_stretches(sentence.text, language))
        for word in chain.from_iterable(pronounced):
            phonemes = "".join(p for p in word.phonemes if p in symbols)
            if words and not any(p.isalpha() for p in phonemes):
                last = words.pop()
                gap = " " if last.phonemes.endswith(" ") and language not in UNSPACED_LANGUAGES else ""
                words.append(Word(last.text + gap + word.text, last.phonemes + phonemes))
            elif any(p.isalpha() for p in phonemes):
                words.append(Word(word.text, phonemes))
        read += sum(not c.isspace() for c in sentence.text)
        chunks = list(_chunks(words, config.longest))
        for chunk in chunks:
            end = sentence.end if chunk is chunks[-1] else "part"
            yield Part(chunk, number, end, min(read / total, 1.0))
        number += sentence.end != "part"


def _chunks(words: list[Word], longest: int) -> Iterator[list[Word]]:
    """Words in lists of at most so many phonemes, cut after a punctuation mark unless that leaves a short list."""
    words = [part for word in words for part in _cut_word(word, longest)]
    while sum(len(word.phonemes) for word in words) > longest:
        lengths = np.cumsum([len(word.phonemes) for word in words])
        fits = int(np.searchsorted(lengths, longest, side="right"))
        marks = [k for k in range(1, fits + 1) if words[k - 1].phonemes.rstrip()[-1:] in ",;:—…"]
        at = next((k for k in reversed(marks) if lengths[k - 1] > longest / 4), fits)
        yield words[:at]
        words = words[at:]
    if words:
        yield words


def _cut_word(word: Word, longest: int) -> list[Word]:
    """A word in pieces of at most so many phonemes; the first piece has the text."""
    pieces = [word.phonemes[k : k + longest] for k in range(0, len(word.phonemes), longest)]
    pieces = [piece for piece in pieces if any(p.isalpha() for p in piece)]
    return [Word(word.text if k == 0 else "", piece) for k, piece in enumerate(pieces)]


def opening(part: Part, config: UtteranceConfig = UTTERANCES) -> list[Part]:
    """A first part in two, where it is long: the first clause, whose sound comes soon, and the rest.

    It is cut at a mark between clauses and nowhere else, and Kokoro speaks each by itself.
    """
    lengths = np.cumsum([len(word.text) + 1 for word in part.words])
    marks = [at for at, word in enumerate(part.words[:-1], 1) if _CLAUSE_END.search(word.text)]
    at = next((at for at in marks if lengths[at - 1] > config.short_clause), 0)
    if lengths[-1] <= config.long_sentence or not at:
        return [part]
    share = part.share * float(lengths[at - 1] / lengths[-1])
    clause = replace(part, words=part.words[:at], end="part", share=share, pause=None, alone=True)
    return [clause, replace(part, words=part.words[at:], alone=True)]


def utterances(first: Part, rest: Iterator[Part], config: UtteranceConfig = UTTERANCES) -> Iterator[list[Part]]:
    """Parts in groups that Kokoro speaks at once: sentences of a paragraph, up to the usual number of phonemes.

    The first part, and one that is to be spoken alone, is a group of its own, so that its audio comes soon."""
    group = [first]
    for part in rest:
        room = config.usual - len(part.phonemes) - sum(len(p.phonemes) + 1 for p in group)
        last = group[-1]
        other = (part.voice, part.speed) != (last.voice, last.speed) or last.pause is not None
        if last.end != "sentence" or group[0] is first or last.alone or room < 0 or other:
            yield group
            group = []
        group.append(part)
    yield group


def phoneme_strings(group: list[Part]) -> list[str]:
    """Phonemes of every word of a group; spaces as the words have them, and one between parts."""
    words = [w.phonemes.rstrip() + " " if w is part.words[-1] else w.phonemes for part in group for w in part.words]
    return [*words[:-1], words[-1].rstrip()]
