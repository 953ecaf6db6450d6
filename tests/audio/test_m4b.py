"""Audiobooks: sound, chapters, title, author, mark and cover, read back by FFmpeg."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from core.test_files import room_for
from text.test_book import picture

from nuanced_speech.audio import SAMPLE_RATE, SYNTHETIC, m4b
from nuanced_speech.core.errors import UserError

av = pytest.importorskip("av")
SECOND = (0.3 * np.sin(2 * np.pi * 200 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)
MARKS = [m4b.ChapterMark("Eins — Ü", 0, SAMPLE_RATE), m4b.ChapterMark("Two", SAMPLE_RATE, 2 * SAMPLE_RATE)]


def test_an_audiobook_has_all_that_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "book.m4b"
    tags = m4b.BookTags("Title", "Author", SYNTHETIC, picture())
    m4b.write(path, iter([SECOND[:100], SECOND[100:], 5 * SECOND]), MARKS, tags)
    assert [*tmp_path.iterdir()] == [path]
    with av.open(str(path)) as book:
        assert [c["metadata"]["title"] for c in book.chapters()] == ["Eins — Ü", "Two"]
        assert [float(c["end"] * c["time_base"]) for c in book.chapters()] == [1.0, 2.0]
        assert book.metadata["title"] == "Title" and book.metadata["artist"] == "Author"
        assert book.metadata["comment"] == SYNTHETIC and book.metadata["major_brand"] == "M4B "
        cover = book.streams.video[0]
        assert cover.codec_context.name == "png"
        assert next(bytes(packet) for packet in book.demux(cover)) == picture()
    with av.open(str(path)) as book:
        wave = np.concatenate([frame.to_ndarray()[0] for frame in book.decode(audio=0)])
    assert abs(len(wave) - 2 * SAMPLE_RATE) < 2048
    assert np.corrcoef(wave[2048:20000], SECOND[2048:20000])[0, 1] > 0.99 and np.abs(wave).max() < 1.2


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "book.m4b"
    with pytest.raises(UserError, match="does not exist"):
        m4b.check_writable(tmp_path / "nowhere" / "book.m4b")
    noise = np.random.default_rng(0).uniform(-1, 1, 20 * SAMPLE_RATE).astype(np.float32)
    with room_for(20_000), pytest.raises(UserError, match="book.m4b"):
        m4b.write(path, iter([noise]), MARKS[:1], m4b.BookTags(cover=b"no picture"))
    assert [*tmp_path.iterdir()] == []
