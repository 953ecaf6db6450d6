"""Books as texts: the chapters of an EPUB file with their titles, its author, language and cover."""

import posixpath
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from nuanced_speech.core.errors import ContentError, UserError, reading

SUFFIX = ".epub"
EXTRA = 'pip install "nuanced-speech[books]"'
# Bytes of what is unpacked of a book, and of one of its documents, of which a tree takes ten times as much: "War and
# Peace" in one document has 4 MB.
LARGEST, LARGEST_DOCUMENT = 200_000_000, 30_000_000
# Parts of a book that are not unpacked, since nothing needs them.
_LEFT_OUT = {
    ".mp3", ".m4a", ".mp4", ".m4v", ".aac", ".ogg", ".opus", ".webm", ".otf", ".ttf", ".woff", ".woff2",
}  # fmt: skip
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "figcaption", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre",
    "section", "table", "td", "th", "tr", "ul",
}  # fmt: skip
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_SILENT = {"head", "script", "style", "svg", "math", "rt", "rp", "audio", "video", "template"}
_PICTURES = ("image/jpeg", "image/png")


@dataclass(frozen=True)
class Chapter:
    """A title, and paragraphs with empty lines between them."""

    title: str
    text: str


@dataclass(frozen=True)
class Book:
    """A text in chapters.

    Attributes:
        title, author: as the book says; empty where it does not.
        language: its language code; empty where it says none.
        cover: a JPEG or PNG file; None without one.
        chapters: at least one, each with something to speak.
    """

    title: str
    author: str
    language: str
    chapters: tuple[Chapter, ...]
    cover: bytes | None = None


def read_epub(path: Path) -> Book:
    """The book in an EPUB file. Its documents are taken in reading order; navigation is left out.

    A document that the table of contents does not name belongs to the chapter before it.

    Raises:
        UserError: no such file, no EPUB, one that is locked, without a text, or too large; ebooklib is not installed.
    """
    if find_spec("ebooklib") is None or find_spec("lxml") is None:
        raise UserError(f"books need the package EbookLib, which is under the AGPL: {EXTRA}")
    with reading(path, "a book in EPUB", "give an EPUB file without copy protection"):
        with ZipFile(path) as archive:
            # other ways of packing are not those of EPUB, and a few bytes of them may become gigabytes
            if any(entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for entry in archive.infolist()):
                raise ContentError("packed as no book is")
            if "META-INF/encryption.xml" in archive.namelist() and b"xmlenc" in archive.read("META-INF/encryption.xml"):
                fonts = re.findall(rb'URI="([^"]*)"', archive.read("META-INF/encryption.xml"))
                if any(name.lower().endswith((b"html", b"htm")) for name in fonts):
                    raise ContentError("it is copy-protected")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the package's own future
            return _book(path)


def plain_book(text: str, title: str = "") -> Book:
    """A text as a book of one chapter."""
    return Book(title, "", "", (Chapter(title, text),))


def _book(path: Path) -> Book:
    from ebooklib import ITEM_DOCUMENT, epub

    book = _reader(path).load()
    titles = dict(_contents(book.toc))
    chapters: list[Chapter] = []
    for identifier, *_ in book.spine:
        item = book.get_item_with_id(identifier)
        if item is None or item.get_type() != ITEM_DOCUMENT or isinstance(item, epub.EpubNav | epub.EpubCoverHtml):
            continue
        if len(item.content) > LARGEST_DOCUMENT:
            raise ContentError(f"a document in it has more than {LARGEST_DOCUMENT // 1_000_000} MB")
        heading, text = _text(item.get_content())
        if not any(c.isalnum() for c in text):
            continue
        title = titles.get(_target(item.get_name()))
        if title is None and chapters and (titles or not heading):
            chapters[-1] = Chapter(chapters[-1].title, f"{chapters[-1].text}\n\n{text}")
        else:
            chapters.append(Chapter(title or heading or f"{len(chapters) + 1}", text))
    if not chapters:
        raise ContentError("it holds no text")
    return Book(_said(book, "title"), _said(book, "creator"), _said(book, "language"), tuple(chapters), _cover(book))


def _reader(path: Path) -> Any:
    """ebooklib's reader, which stops when it has unpacked too much: a book may name one part many times."""
    from ebooklib import epub

    class Reader(epub.EpubReader):
        left = LARGEST

        def read_file(self, name: str) -> bytes:
            if PurePosixPath(name).suffix.lower() in _LEFT_OUT:
                return b""
            self.left -= self.zf.getinfo(posixpath.normpath(name)).file_size
            if self.left < 0:
                raise ContentError(f"it would unpack to more than {LARGEST // 1_000_000} MB")
            return bytes(super().read_file(name))

    return Reader(str(path), {"ignore_ncx": False})


def _said(book: Any, name: str) -> str:
    values = [str(value).strip() for value, _ in book.get_metadata("DC", name) if value]
    return ", ".join(values) if name == "creator" else (values[0] if values else "")


def _target(href: str) -> str:
    """A document's name as contents and manifest share it: without folder and fragment."""
    return posixpath.basename(unquote(href.partition("#")[0]))


def _contents(entries: Any) -> Iterator[tuple[str, str]]:
    """Names of documents with their titles, the last title first, so that a document keeps its first one.

    A part that begins with its first chapter leaves the document to the chapter.
    """
    flat: list[tuple[str, str]] = []
    stack = [*reversed(entries if isinstance(entries, (list, tuple)) else [entries])]
    while stack:
        entry = stack.pop()
        if isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[1], (list, tuple)):
            part, inside = entry
            first = inside[0] if inside else None
            first = first[0] if isinstance(first, tuple) else first
            stack += reversed(inside)
            href = str(getattr(first, "href", None) or "")
            if href and _target(href) == _target(str(getattr(part, "href", None) or "")):
                continue
            entry = part
        if getattr(entry, "href", None) and str(entry.title or "").strip():
            flat.append((_target(entry.href), " ".join(str(entry.title).split())))
    yield from reversed(flat)


def _cover(book: Any) -> bytes | None:
    """The picture that the book declares as its cover, or whose name says so."""
    from ebooklib import ITEM_COVER, ITEM_IMAGE

    declared = [meta.get("content") for _, meta in book.get_metadata("OPF", "cover") if meta]
    pictures = [*book.get_items_of_type(ITEM_COVER), *book.get_items_of_type(ITEM_IMAGE)]
    pictures = [item for item in pictures if item.media_type in _PICTURES]
    ranked = sorted(
        pictures,
        key=lambda item: (
            item.get_type() != ITEM_COVER,
            "cover-image" not in (getattr(item, "properties", None) or []),
            item.get_id() not in declared,
            "cover" not in item.get_name().lower(),
        ),
    )
    best = ranked[0] if ranked else None
    if best is None:
        return None
    meant = (
        best.get_type() == ITEM_COVER
        or "cover-image" in (getattr(best, "properties", None) or [])
        or best.get_id() in declared
        or "cover" in best.get_name().lower()
    )
    return bytes(best.get_content()) if meant else None


def _text(content: bytes) -> tuple[str, str]:
    """First heading and text of an XHTML document; a block is a paragraph."""
    from lxml import html

    parser = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    root = html.document_fromstring(content, parser=parser)
    parts: list[str] = []
    heading = ""
    # without recursion, since a document may be nested deeply
    stack: list[tuple[Any, bool]] = [(root, False)]
    starts: dict[Any, int] = {}
    while stack:
        node, leaving = stack.pop()
        tag = node.tag if isinstance(node.tag, str) else ""
        if leaving:
            if tag in _BLOCKS:
                parts.append("\n\n")
            if tag in _HEADINGS and not heading:
                heading = " ".join("".join(parts[starts[node] :]).split())
            parts.append((node.tail or "").replace("\n", " "))
            continue
        if not tag or tag in _SILENT or node.get("epub:type") in ("pagebreak", "noteref"):
            parts.append((node.tail or "").replace("\n", " "))
            continue
        if tag in _BLOCKS:
            parts.append("\n\n")
        starts[node] = len(parts)
        parts.append("\n" if tag == "br" else (node.text or "").replace("\n", " "))
        stack.append((node, True))
        stack += [(child, False) for child in reversed(node)]
    paragraphs = (
        "\n".join(" ".join(line.split()) for line in block.split("\n")).strip()
        for block in re.split(r"\n\s*\n", "".join(parts))
    )
    return heading, "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
