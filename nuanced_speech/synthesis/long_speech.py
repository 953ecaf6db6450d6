"""Speech of long texts, kept sentence by sentence in a journal, so that it goes on where it was broken off."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import ContentError, reading
from nuanced_speech.core.journal import Journal
from nuanced_speech.core.progress import Progress
from nuanced_speech.core.reading import check_numbers
from nuanced_speech.synthesis.speaking import Position, SpokenSentence, TimedText

Speak = Callable[[str, Position | None], Iterator[SpokenSentence]]
"""Speaks a text from a position on: ``TextToSpeech.stream`` with all else given."""

_WHOLE = ("sentence", "utterance")


@dataclass(frozen=True)
class LongSpeechConfig:
    """Settings of the speech of a book.

    Attributes:
        gap: seconds of silence between chapters.
    """

    gap: float = 2.0


class LongSpeech:
    """Chapters, spoken one after the other into a journal.

    An utterance is kept as soon as it is spoken: a sentence or a few, up to fifteen seconds. What was kept by an
    earlier run with the same arguments is not spoken again, and the whole is the same to the last bit.

    Args:
        journal: open, and of this work alone.
        texts: of the chapters.
        speak: speaks one of them.
        config: settings.

    Raises:
        UserError: damaged notes in the journal.
    """

    def __init__(
        self, journal: Journal, texts: Sequence[str], speak: Speak, config: LongSpeechConfig | None = None
    ) -> None:
        self.journal, self.texts, self.speak = journal, texts, speak
        self.config = config or LongSpeechConfig()
        with reading(journal.folder, "kept speech", "remove this folder, and all is spoken again"):
            ended = 0
            for note in journal.notes:
                _check(note, ended, len(texts))
                ended += note["end"]

    def run(self, progress: Progress | None = None) -> None:
        """Speak what is not there yet.

        Args:
            progress: called with the share of the texts that is spoken, 0 to 1.

        Raises:
            UserError: as ``TextToSpeech.stream``; a full disk.
        """
        for number in range(self._ended, len(self.texts)):
            kept = self._kept(number)
            parts: list[SpokenSentence] = []
            if progress is not None:
                progress(self.done)
            for sentence in self.speak(self.texts[number], Position(**kept["after"]) if kept else None):
                parts.append(sentence)
                if sentence.after is not None:
                    self.journal.add(np.concatenate([part.audio for part in parts]), _note(number, parts))
                    parts = []
                    if progress is not None:
                        progress(self.done)
            gap = 0 if number + 1 == len(self.texts) else round(self.config.gap * SAMPLE_RATE)
            self.journal.add(np.zeros(gap, np.float32), {"chapter": number, "end": True})

    @property
    def done(self) -> float:
        """The share of the texts that is spoken, 0 to 1."""
        lengths = [len(text) for text in self.texts]
        kept = self._kept(self._ended)
        under_way = kept["sentences"][-1]["share"] * lengths[self._ended] if kept else 0.0
        return (sum(lengths[: self._ended]) + under_way) / (sum(lengths) or 1)

    @property
    def _ended(self) -> int:
        """Number of chapters that are spoken."""
        last = self.journal.notes[-1] if self.journal.notes else None
        return 0 if last is None else last["chapter"] + last["end"]

    def _kept(self, chapter: int) -> dict[str, Any] | None:
        """The last note of a chapter under way."""
        last = self.journal.notes[-1] if self.journal.notes else None
        return last if last is not None and last["chapter"] == chapter and not last["end"] else None

    def chapters(self) -> list[tuple[int, int]]:
        """First and last sample of every chapter; the silence after one belongs to it."""
        bounds, position = [0], 0
        for number, note in enumerate(self.journal.notes):
            position += self.journal.length(number)
            if note["end"]:
                bounds.append(position)
        return list(pairwise(bounds))

    def timed(self) -> Iterator[SpokenSentence]:
        """All sentences without their sound, numbered and timed from the beginning of the first chapter."""
        # a chapter that is not ended yet begins where the one before it ends
        starts = [0.0, *(end / SAMPLE_RATE for _, end in self.chapters())]
        first, last, chapter = 0, -1, 0
        for note in self.journal.notes:
            if note["chapter"] != chapter:
                first, chapter = last + 1, note["chapter"]
            for sentence in note.get("sentences", ()):
                last = first + sentence["sentence"]
                shift = starts[chapter]
                words = [TimedText(text, begin + shift, end + shift) for text, begin, end in sentence["words"]]
                yield SpokenSentence(np.zeros(0, np.float32), last, words, sentence["share"], sentence["utterance"])


def _check(note: Any, chapter: int, chapters: int) -> None:
    """Refuse a note that is not one of ``_note`` or of the end of a chapter, which is that chapter of so many.

    Raises:
        Exception: it is something else.
    """
    check_numbers({key: value for key, value in note.items() if key != "after"}, 1e9)
    if note["chapter"] != chapter or chapter >= chapters or not isinstance(note["end"], bool):
        raise ContentError("no such chapter")
    if note["end"]:
        return
    position, sentences = Position(**note["after"]), note["sentences"]
    whole = (position.utterances, position.now, position.before, *(s[k] for s in sentences for k in _WHOLE))
    words = [word for sentence in sentences for word in sentence["words"]]
    real = (position.level or 0.0, *(s["share"] for s in sentences), *(time for word in words for time in word[1:]))
    texts = (*(voice or "" for voice in position.begun), *(word[0] for word in words))
    if not (
        sentences
        and all(isinstance(number, int) and number >= 0 for number in whole)
        and all(isinstance(number, (int, float)) for number in real)
        and all(isinstance(text, str) for text in texts)
        and all(len(word) == 3 for word in words)
    ):
        raise ContentError("a damaged note")


def _note(chapter: int, parts: Sequence[SpokenSentence]) -> dict[str, Any]:
    after = parts[-1].after
    assert after is not None
    sentences = [
        {
            "sentence": part.sentence,
            "share": float(part.share),
            "utterance": part.utterance,
            "words": [[word.text, float(word.start), float(word.end)] for word in part.words],
        }
        for part in parts
    ]
    return {"chapter": chapter, "end": False, "sentences": sentences, "after": asdict(after)}
