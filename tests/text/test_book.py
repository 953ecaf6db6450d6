"""Books: chapters in reading order with their titles, and what is no book."""

from __future__ import annotations

import struct
import sys
import tracemalloc
import zlib
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import pytest
from helpers import ROOT

from nuanced_speech.core.errors import UserError
from nuanced_speech.text.book import read_epub

epub = pytest.importorskip("ebooklib.epub")


def picture() -> bytes:
    """A PNG file of 2 x 2 dots."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header, dots = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0), zlib.compress(b"\0\1\2\3\4\5\6" * 2)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", dots) + part(b"IEND", b"")


def write_book(path: Path, bodies: dict[str, str], titled: bool = True) -> Path:
    """An EPUB with these documents, by title; all but those that begin with _ are in its table of contents."""
    book = epub.EpubBook()
    book.set_identifier("x")
    book.set_title("Two Sharks")
    book.set_language("en")
    book.add_author("A. Writer")
    book.add_author("B. Other")
    book.set_cover("cover.png", picture())
    documents = []
    for number, (title, body) in enumerate(bodies.items()):
        document = epub.EpubHtml(title=title, file_name=f"text/{number} x.xhtml", lang="en")
        document.content = f"<html><head><title>no</title></head><body>{body}</body></html>"
        book.add_item(document)
        documents.append((title, document))
    book.toc = [(epub.Section("Part"), [d for title, d in documents if not title.startswith("_")])] if titled else []
    book.add_item(epub.EpubNcx())
    book.add_item(epub.EpubNav())
    book.spine = ["cover", "nav", *(document for _, document in documents)]
    epub.write_epub(str(path), book)
    return path


def test_chapters_have_titles_and_paragraphs(tmp_path: Path) -> None:
    bodies = {
        "One & all": "<h1>1.</h1><p>Sharks <i>shed</i>\n teeth.</p><script>no()</script><div>They<br/>do.</div>",
        "_": "<p>Still one.</p>",
        "Picture": "<img src='x.png'/><p> * * * </p>",
        "Two": "<h2>Second</h2><ul><li>Yes.</li><li>No.</li></ul>",
    }
    book = read_epub(write_book(tmp_path / "book.epub", bodies))
    assert (book.title, book.author, book.language) == ("Two Sharks", "A. Writer, B. Other", "en")
    assert [chapter.title for chapter in book.chapters] == ["One & all", "Two"]
    assert book.chapters[0].text == "1.\n\nSharks shed teeth.\n\nThey\ndo.\n\nStill one."
    assert book.chapters[1].text == "Second\n\nYes.\n\nNo."
    assert book.cover == picture()


def test_headings_are_titles_where_there_are_no_contents(tmp_path: Path) -> None:
    bodies = {"a": "<h1>First <b>one</b></h1><p>Yes.</p>", "b": "<p>More.</p>", "c": "<h3>Second</h3><p>No.</p>"}
    book = read_epub(write_book(tmp_path / "book.epub", bodies, titled=False))
    assert [(c.title, c.text) for c in book.chapters] == [
        ("First one", "First one\n\nYes.\n\nMore."),
        ("Second", "Second\n\nNo."),
    ]


def test_what_is_no_book_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_epub(tmp_path / "nowhere.epub")
    (tmp_path / "words.epub").write_text("words")
    with pytest.raises(UserError, match=r"words\.epub: not a book in EPUB"):
        read_epub(tmp_path / "words.epub")
    with ZipFile(tmp_path / "empty.epub", "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
    with pytest.raises(UserError, match="not a book in EPUB"):
        read_epub(tmp_path / "empty.epub")
    with pytest.raises(UserError, match="holds no text"):
        read_epub(write_book(tmp_path / "silent.epub", {"a": "<p>…</p>"}))
    locked = write_book(tmp_path / "locked.epub", {"a": "<p>Yes.</p>"})
    with ZipFile(locked, "a") as archive:
        archive.writestr("META-INF/encryption.xml", '<a xmlns="http://www.w3.org/2001/04/xmlenc#" URI="0.xhtml"/>')
    with pytest.raises(UserError, match="copy-protected"):
        read_epub(locked)


@pytest.mark.parametrize("cut", [100, 700, 1500])
def test_a_damaged_book_is_one_line(tmp_path: Path, cut: int) -> None:
    path = write_book(tmp_path / "book.epub", {"a": "<p>Yes.</p>"})
    data = path.read_bytes()
    path.write_bytes(data[:cut] + b"\xff" * 40 + data[cut + 40 :])
    try:
        assert read_epub(path).chapters
    except UserError as error:
        assert "\n" not in str(error) and "book.epub" in str(error)


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ebooklib", None)
    with pytest.raises(UserError, match=r"EbookLib.*AGPL.*nuanced-speech\[books\]"):
        read_epub(tmp_path / "book.epub")


def test_the_default_installation_is_without_the_agpl() -> None:
    default, developers = ((ROOT / f"requirements{kind}.txt").read_text().lower() for kind in ("", "-dev"))
    assert "ebooklib" not in default and "ebooklib==" in developers


def repacked(path: Path, out: Path, changes: dict[str, bytes], kind: int = ZIP_DEFLATED) -> Path:
    """An archive with other content in some members, and more members."""
    with ZipFile(path) as source, ZipFile(out, "w", kind) as target:
        members = {name: source.read(name) for name in source.namelist()} | changes
        for name, data in members.items():
            target.writestr(name, data)
    return out


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """Of less than half a megabyte: one large document, many names of one part, and another way of packing."""
    book = write_book(tmp_path / "book.epub", {"One": "<p>Sharks shed teeth.</p>"})
    with ZipFile(book) as archive:
        opf = archive.read("EPUB/content.opf").decode()
    large = b"<html><body><p>a</p>" + b" " * 29_000_000
    item = "".join(f'<item href="big.xhtml" id="b{k}" media-type="application/xhtml+xml"/>' for k in range(9))
    spine = "".join(f'<itemref idref="b{k}"/>' for k in range(9))
    named = opf.replace("</manifest>", f"{item}</manifest>").replace("</spine>", f"{spine}</spine>").encode()
    bombs = [
        ({"EPUB/text/0 x.xhtml": b" " * 31_000_000}, ZIP_DEFLATED, "a document in it has more than 30 MB"),
        ({"EPUB/big.xhtml": large, "EPUB/content.opf": named}, ZIP_DEFLATED, "it would unpack to more than 200 MB"),
        ({}, ZIP_BZIP2, "packed as no book is"),
    ]
    for number, (changes, kind, why) in enumerate(bombs):
        path = repacked(book, tmp_path / f"{number}.epub", changes, kind)
        assert path.stat().st_size < 500_000
        tracemalloc.start()
        try:
            with pytest.raises(UserError, match=why):
                read_epub(path)
            assert tracemalloc.get_traced_memory()[1] < 300_000_000
        finally:
            tracemalloc.stop()


def test_recordings_and_fonts_in_a_book_are_not_unpacked(tmp_path: Path) -> None:
    book = write_book(tmp_path / "book.epub", {"One": "<p>Sharks shed teeth.</p>"})
    with ZipFile(book) as archive:
        opf = archive.read("EPUB/content.opf").decode()
    items = "".join(f'<item href="a.mp3" id="a{k}" media-type="audio/mpeg"/>' for k in range(9))
    opf = opf.replace("</manifest>", f"{items}</manifest>")
    changes = {"EPUB/a.mp3": b"\0" * 30_000_000, "EPUB/content.opf": opf.encode()}
    assert read_epub(repacked(book, tmp_path / "sound.epub", changes)).chapters[0].text == "Sharks shed teeth."
