"""What ``nuanced-speech say`` is given to speak: a text, a file of text, standard input, or a book."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.reading import LONGEST_TEXT

if TYPE_CHECKING:
    from nuanced_speech.text.book import Book

EPUB = ".epub"


def book_file(words: list[str] | None, file: Path | None) -> Path | None:
    """The EPUB file among the arguments, if there is one."""
    if file is not None:
        return file if file.suffix.lower() == EPUB else None
    first = words[0] if words else ""
    return Path(first) if first.lower().endswith(EPUB) and "\n" not in first else None


def is_audiobook(out: str | None) -> bool:
    """Whether a file to write is an audiobook."""
    return out is not None and out.lower().endswith(".m4b")


def given(words: list[str] | None, file: Path | None, ssml: str | None, without_out: bool) -> "tuple[Book, str | None]":
    """What to speak, and the name of the file to write.

    Args:
        words: arguments.
        file: what ``--file`` names.
        ssml: the text is SSML in this language (ISO 639-1); None: it is none.
        without_out: no file need be named.

    Raises:
        UserError: too many or too few arguments, a file that is not there or not text, nothing to say.
    """
    words, texts = words or [], int(file is None)
    if len(words) != texts + 1 and not (without_out and len(words) == texts):
        usage = 'the text and the file to write: nuanced-speech say "Hello." out.wav'
        raise UserError(f"give {'the file to write and no text besides --file' if file else usage}")
    out = words[-1] if len(words) > texts else None
    from nuanced_speech.text.book import plain_book, read_epub

    path = book_file(words, file)
    if path is not None:
        book = read_epub(path)
        return replace(book, title=book.title or path.stem), out
    text = _text(words, file)
    if ssml is not None:
        from nuanced_speech.text.ssml import from_ssml

        text = from_ssml(text, ssml)
    return plain_book(text, "" if file is None else file.stem), out


def _text(words: list[str], file: Path | None) -> str:
    if file is not None:
        try:
            with file.open("rb") as opened:
                data = opened.read(LONGEST_TEXT + 1)
        except OSError as error:
            raise UserError(f"{file} cannot be read: {error.strerror}") from error
        return _decoded(data, str(file))
    return _decoded(sys.stdin.buffer.read(LONGEST_TEXT + 1), "standard input") if words[0] == "-" else words[0]


def _decoded(data: bytes, name: str) -> str:
    if len(data) > LONGEST_TEXT:
        raise UserError(f"{name} is longer than {LONGEST_TEXT // 1_000_000} MB: give a text in parts")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not text in UTF-8 (byte {error.start}): save it as UTF-8 plain text") from None
    if "\0" in text:
        raise UserError(f"{name} is not plain text: it holds zero bytes")
    return text
