"""Files that are damaged, or say more than is true about themselves: one line each, and neither time nor memory."""

import io
import json
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile

import numpy as np
import pytest

from nuanced_speech.core.errors import ContentError, UserError, reading
from nuanced_speech.core.numpy_files import read_array, read_arrays, text_of, whole_number
from nuanced_speech.core.reading import check_numbers, read_object, read_text
from nuanced_speech.voice.stock import read_pack


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("a\nb"), "not a table, or damaged (KeyError); make it again"),
        (RecursionError("deep"), "not a table, or damaged (RecursionError); make it again"),
        (struct.error("short"), "not a table, or damaged (error); make it again"),
        (ContentError("two rows"), "not a table, or damaged (two rows); make it again"),
        (OSError(13, "Permission denied"), "cannot be read as a table (Permission denied); make it again"),
        (FileNotFoundError(2, "No such file"), "no such file; make it again"),
        (UnicodeDecodeError("utf-8", b"a\xff", 1, 2, "x"), "cannot be read as UTF-8 text (byte 1); save it as UTF-8"),
    ],
)
def test_whatever_a_library_raises_is_one_line(error: Exception, said: str) -> None:
    path = Path("some.table")
    with pytest.raises(UserError) as caught, reading(path, "a table", "make it again"):
        raise error
    assert str(caught.value) == f"{path}: {said}" and caught.value.__cause__ is error


@pytest.mark.parametrize("error", [UserError("clear already"), NameError("a mistake of ours"), ImportError("missing")])
def test_what_is_no_fault_of_the_file_passes(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, reading(Path("x"), "a table", "make it again"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize("text", ["[" * 100_000, "[1]", "3", "", "{", '{"a": 1', "\ufeff", "{'a': 1}"])
def test_json_that_is_no_object(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.json: not settings, or damaged \(\w+\); remove it$"):
        read_object(path, "settings", "remove it")
    path.write_text('{"a": 1}')
    assert read_object(path, "settings", "remove it") == {"a": 1}


def test_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone")
    assert read_text(path, "a text", "give another") == "one"
    with pytest.raises(UserError, match="too long for a text"):
        read_text(path, "a text", "give another", most=3)
    for damaged in (b"\xff\xfe", b"\xed\xa0\x80"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="UTF-8"):
            read_text(path, "a text", "give another")
    with pytest.raises(UserError, match="cannot be read as a text"):
        read_text(tmp_path, "a text", "give another")


def npy(array: np.ndarray) -> bytes:
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


def zeros_in(path: Path, numbers: int) -> None:
    """An archive of a few bytes that unpacks to so many numbers."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive, archive.open("voice.npy", "w", force_zip64=True) as member:
        header = {"descr": "<f4", "fortran_order": False, "shape": (numbers // 256, 256)}
        np.lib.format.write_array_header_1_0(member, header)
        block = bytes(1 << 20)
        for _ in range(numbers * 4 >> 20):
            member.write(block)


def refused(read: Callable[[], object], message: str) -> None:
    """Without taking time or memory."""
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(UserError, match=message) as caught:
        read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "\n" not in str(caught.value) and peak < 20_000_000 and time.monotonic() - began < 2


def test_an_archive_that_would_unpack_to_much_is_refused_before_it_is(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    zeros_in(path, 1 << 24)
    assert path.stat().st_size < 1_000_000
    refused(lambda: read_pack(path), r"bomb\.npz: not a voice pack: it would unpack to more")
    refused(lambda: read_arrays(path, "a table", "make it again", most=1 << 25), "would unpack to more")
    assert read_arrays(path, "a table", "make it again", most=1 << 26)["voice"].shape == (1 << 16, 256)


def test_headers_that_do_not_fit(tmp_path: Path) -> None:
    whole = npy(np.ones((3, 256), np.float32))
    huge = whole.replace(b"(3, 256)", b"(300000000, 256)"[:8].ljust(8))
    objects = whole.replace(b"<f4", b"|O ")
    negative = whole.replace(b"(3, 256)", b"(-3, 25)")
    path, archive = tmp_path / "a.npy", tmp_path / "a.npz"
    for data in (huge, objects, negative, whole[:-1], whole + b"x", whole[:20], b"", b"\x93NUMPY\x09\x00" + whole[8:]):
        assert data != whole
        path.write_bytes(data)
        refused(lambda: read_array(path, "a mel", "make it again"), r"a\.npy: not a mel, or damaged")
        with ZipFile(archive, "w") as file:
            file.writestr("a.npy", data)
        refused(lambda: read_arrays(archive, "a mel", "make it again"), r"a\.npz: not a mel, or damaged")
    path.write_bytes(whole)
    assert read_array(path, "a mel", "make it again").shape == (3, 256)


def test_archives_that_numpy_does_not_write(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with ZipFile(path, "w", ZIP_LZMA) as archive:
        archive.writestr("a.npy", npy(np.ones(3)))
    refused(lambda: read_arrays(path, "a table", "make it again"), "not a table, or damaged")
    with ZipFile(path, "w") as archive:
        archive.writestr("a.npy", npy(np.ones(3)))
        archive.writestr("a", npy(np.ones(3)))
    refused(lambda: read_arrays(path, "a table", "make it again"), "not a table, or damaged")


def test_scalars() -> None:
    assert whole_number(np.array(3)) == 3 and text_of(np.array("a")) == "a"
    for array in (np.array(3.0), np.array([3]), np.array("3")):
        with pytest.raises(ContentError):
            whole_number(array)
    for array in (np.array(b"a"), np.array(["a"]), np.array(3), np.array("\ud800")):
        with pytest.raises(ValueError):
            text_of(array)


def test_numbers_of_a_configuration() -> None:
    check_numbers({"width": 512, "dilations": [1, 2], "share": 0.1, "name": "base", "none": None})
    for text in ('{"a": 1e400}', '{"a": [1, {"b": NaN}]}', '{"a": -10000000}', "99999999999999999999"):
        with pytest.raises(ContentError, match="out of range"):
            check_numbers(json.loads(text))
