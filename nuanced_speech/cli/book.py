"""The part of ``nuanced-speech say`` that speaks long texts: kept sentence by sentence, with chapters."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from nuanced_speech import audio
from nuanced_speech.audio import m4b
from nuanced_speech.cli.checks import seconds_of
from nuanced_speech.cli.progress import bar
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import check_apart, check_room, make_folder, size_of
from nuanced_speech.core.journal import Journal, work_folder
from nuanced_speech.core.version import __version__
from nuanced_speech.synthesis import timestamps as times
from nuanced_speech.synthesis.long_speech import LongSpeech

if TYPE_CHECKING:
    from nuanced_speech.cli.speech import TextSpeaker
    from nuanced_speech.text.book import Book

console = Console(stderr=True)
BYTES_PER_SAMPLE = 4


@dataclass(frozen=True)
class Outputs:
    """What a book is written to.

    Attributes:
        whole: file of all of it.
        chapters: folder for a file of each chapter.
        suffix: of these.
        timestamps: file for the times of the words.
    """

    whole: Path | None
    chapters: Path | None
    suffix: str
    timestamps: Path | None

    @property
    def work(self) -> Path:
        """The work folder: beside the output."""
        beside = self.whole or self.chapters
        assert beside is not None
        return work_folder(beside)

    def chapter_files(self, book: "Book") -> list[Path]:
        """Files of the chapters, in order."""
        folder, count = self.chapters, len(book.chapters)
        if folder is None:
            return []
        names = [_file_name(number, count, chapter.title) for number, chapter in enumerate(book.chapters, 1)]
        return [folder / (name + self.suffix) for name in names]

    def check(self, book: "Book", read: Sequence[Path | None] = ()) -> None:
        """Find out before a model is loaded whether all can be written.

        Args:
            book: text in chapters.
            read: files that are read, where they are given.

        Raises:
            UserError: it cannot, would overwrite a file that is read, or the disk has too little room.
        """
        for path in self.chapter_files(book):
            check_apart(path, self.whole, *read)
        if self.whole is not None:
            check_apart(self.whole, *read)
            (m4b.check_writable if self.whole.suffix.lower() == m4b.SUFFIX else audio.check_writable)(self.whole)
        if self.chapters is not None:
            if self.suffix not in audio.OUTPUT_FORMATS:
                suffixes = ", ".join(suffix[1:] for suffix in audio.OUTPUT_FORMATS)
                raise UserError(f"format: {self.suffix[1:]!r} cannot be written: choose from {suffixes}")
            make_folder(self.chapters)
            audio.check_writable(self.chapters / f"check{self.suffix}")
        seconds = seconds_of(chapter.text for chapter in book.chapters)
        # what an earlier run has kept is there already
        check_room(self.work.parent, round(seconds * SAMPLE_RATE * BYTES_PER_SAMPLE) - size_of(self.work))


def speak_book(book: "Book", outputs: Outputs, speaker: "TextSpeaker") -> None:
    """Speak a book, or go on with it, and write what is asked for when all is spoken.

    Args:
        book: text in chapters.
        outputs: checked.
        speaker: speaks the chapters.

    Raises:
        UserError: as ``LongSpeech.run``; an output that cannot be written.
    """
    texts = [chapter.text for chapter in book.chapters]
    digest = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
    with Journal(outputs.work, {"version": __version__, "text": digest, **speaker.settings()}) as journal:
        if journal.notes:
            _say(f"{outputs.work}: going on after {journal.samples / SAMPLE_RATE:.0f} s of speech")
        long = LongSpeech(journal, texts, speaker.stream)
        try:
            with bar("speaking") as advance:
                long.run(lambda done: advance(done, journal.samples / SAMPLE_RATE))
            _write(book, outputs, long, speaker)
        except BaseException:
            if journal.notes:
                _say(f"{outputs.work} keeps what is spoken: the same command goes on from there")
            raise
        journal.remove()
    if not journal.notes:
        journal.remove()


def _write(book: "Book", outputs: Outputs, long: LongSpeech, speaker: "TextSpeaker") -> None:
    journal, bounds, mark = long.journal, long.chapters(), speaker.voice.mark
    if outputs.whole is not None:
        if outputs.whole.suffix.lower() == m4b.SUFFIX:
            marks = [m4b.ChapterMark(c.title, *bound) for c, bound in zip(book.chapters, bounds, strict=True)]
            tags = m4b.BookTags(book.title, book.author, mark, book.cover)
            m4b.write(outputs.whole, journal.chunks(), marks, tags)
        else:
            _write_sound(outputs.whole, journal.chunks(), mark)
    if outputs.chapters is not None:
        for path, bound in zip(outputs.chapter_files(book), bounds, strict=True):
            _write_sound(path, journal.chunks(*bound), mark)
    if outputs.timestamps is not None:
        times.write(outputs.timestamps, long.timed(), spaces=speaker.spaces)


def _write_sound(path: Path, chunks: Iterator[np.ndarray], mark: str) -> None:
    with audio.AudioWriter(path, comment=mark) as writer:
        for chunk in chunks:
            writer.write(chunk)


def _file_name(number: int, count: int, title: str) -> str:
    """Number and title of a chapter, without what file systems do not take."""
    plain = " ".join(re.sub(r'[\\/:*?"<>|\x00-\x1f]', " ", title).split())[:60].strip(" .")
    return f"{number:0{max(len(str(count)), 2)}} {plain}".strip()


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
