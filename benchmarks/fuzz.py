"""Damaged files: good files of all formats that are read, changed at random, each read in a process of its own.

    python benchmarks/fuzz.py [FOLDER] [--count 100] [--formats voice.npz codes] [--seed 0]

Each file must be read, or be refused with a ``UserError``, within 10 seconds and 2 GB. What was neither is listed, kept
in FOLDER, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from fuzz_formats import Format, formats

from nuanced_speech.core.errors import UserError

SECONDS = 10
BYTES = 2_000_000_000
READ, REFUSED, RAW, LARGE, SLOW = range(5)
_MEANING = {READ: "read", REFUSED: "refused", RAW: "raw exception", LARGE: "too large", SLOW: "too slow or killed"}
_MEMORY = re.compile(r"not enough memory|cannot allocate|can't allocate|alloc_cpu|bad alloc|Unable to allocate", re.I)


@dataclass
class Report:
    """How often each outcome was, and a line for each that must not be."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with one to four changes: bits, numbers, lengths; parts cut out, doubled, put in; the end cut off.

    Half of the changes are in the first 512 bytes, where headers are.
    """
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if not out:
            break
        at = int(rng.integers(0, min(len(out), 512) if rng.random() < 0.5 else len(out)))
        _CHANGES[int(rng.integers(len(_CHANGES)))](out, at, rng)
    return bytes(out)


def _flip(out: bytearray, at: int, rng: np.random.Generator) -> None:
    out[at] ^= 1 << int(rng.integers(8))


def _scramble(out: bytearray, at: int, rng: np.random.Generator) -> None:
    size = int(rng.integers(1, 9))
    out[at : at + size] = rng.bytes(size)


def _cut(out: bytearray, at: int, rng: np.random.Generator) -> None:
    del out[at : at + int(rng.integers(1, 400))]


def _end(out: bytearray, at: int, rng: np.random.Generator) -> None:
    del out[at if rng.random() < 0.3 else int(rng.integers(len(out))) :]


def _double(out: bytearray, at: int, rng: np.random.Generator) -> None:
    out[at:at] = out[at : at + int(rng.integers(1, 400))]


def _insert(out: bytearray, at: int, rng: np.random.Generator) -> None:
    out[at:at] = rng.choice(np.array(_PIECES, dtype=object))


def _size(out: bytearray, at: int, rng: np.random.Generator) -> None:
    """A huge or odd length, as binary headers hold them."""
    value = int(rng.choice([0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1]))
    code, limit = (("<H", 1 << 16), ("<I", 1 << 32), ("<Q", 1 << 64))[int(rng.integers(3))]
    packed = struct.pack(code, value % limit)
    out[at : at + len(packed)] = packed


def _float(out: bytearray, at: int, rng: np.random.Generator) -> None:
    out[at : at + 4] = struct.pack("<f", float(rng.choice([np.nan, np.inf, -np.inf, 1e38, -0.0])))


def _number(out: bytearray, at: int, rng: np.random.Generator) -> None:
    """Another number in place of one that is written in digits, as JSON and .npy headers have them."""
    found = list(re.finditer(rb"\d+", bytes(out[at : at + 4096]))) or list(re.finditer(rb"\d+", bytes(out[:4096])))
    if not found:
        return
    match, shift = found[int(rng.integers(len(found)))], at
    if bytes(out[at + match.start() : at + match.end()]) != match[0]:
        shift = 0
    numbers = [b"0", b"-1", b"1", b"99999", b"1000000000", b"99999999999999999999", b"1e400", b"NaN", b'"x"', b"null"]
    out[shift + match.start() : shift + match.end()] = numbers[int(rng.integers(len(numbers)))]


_PIECES = [b"[" * 20000, b"\0", b"\xff\xfe", b"\xed\xa0\x80", b'"\\ud800"', b"{}", b"|", b"\t", b"\n" * 50, b"Infinity",
           b"PK\x03\x04", b"\x80\x02", b"9" * 5000, b"../../x"]  # fmt: skip
_CHANGES = (_flip, _scramble, _cut, _end, _double, _insert, _size, _float, _number)


def attempt(kind: Format, path: Path) -> tuple[int, str]:
    """Read a file in a process of its own: the outcome, and the last line of what came out of it."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _child(kind, path, write_end)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    _, status, _ = os.wait4(child, 0)
    if os.WIFSIGNALED(status):
        return SLOW, f"{signal.Signals(os.WTERMSIG(status)).name} {said}"
    return os.WEXITSTATUS(status), said


def _child(kind: Format, path: Path, pipe: int) -> None:
    """Never returns."""
    outcome, said = READ, ""
    try:
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + BYTES, size + BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(SECONDS)
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 1)
        os.dup2(devnull, 2)
        warnings.simplefilter("ignore")
        kind.read(path)
    except UserError as error:
        outcome, said = REFUSED, str(error)
        if _out_of_memory(error):
            outcome = LARGE
        elif "\n" in said:
            outcome, said = RAW, f"a message of several lines: {said!r}"
    except BaseException as error:
        outcome = LARGE if _out_of_memory(error) else RAW
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{Path(f.filename).name}:{f.lineno}" for f in frames][-4:]
        said = f"{type(error).__name__}: {str(error)[:150]!r} at {' '.join(where)}"
    finally:
        os.write(pipe, said.encode("utf-8", "replace")[:2000])
        os._exit(outcome)


def _out_of_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError) or _MEMORY.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def run(kinds: list[Format], count: int, seed: int = 0, keep: Path | None = None) -> Report:
    """Read ``count`` changed files of each format; those that fail are kept in a folder."""
    report = Report()
    with tempfile.TemporaryDirectory() as temporary:
        for kind in kinds:
            folder = Path(temporary) / re.sub(r"\W", "-", kind.name)
            folder.mkdir()
            path = folder / kind.file
            kind.write(folder)
            good = path.read_bytes()
            outcome, said = attempt(kind, path)
            if outcome != READ and kind.name not in ALWAYS_REFUSED:
                report.failures.append(f"{kind.name}: the good file was {_MEANING[outcome]}: {said}")
            rng = np.random.default_rng([seed, zlib.crc32(kind.name.encode())])
            for number in range(count):
                path.write_bytes(data := mutated(good, rng))
                outcome, said = attempt(kind, path)
                report.counts[_MEANING[outcome]] += 1
                if outcome in (READ, REFUSED):
                    continue
                report.failures.append(f"{kind.name} {number}: {_MEANING[outcome]}: {said}")
                if keep is not None:
                    (keep / f"{folder.name}-{number}{path.suffix}").write_bytes(data)
            shutil.rmtree(folder)
    return report


# Files of these are refused in the end even when they are whole: what they are a small part of has a known sum or size.
ALWAYS_REFUSED = ("wheel", "CTranslate2", "Kokoro ONNX", "settings of a data set", "Whisper")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="Folder that files are kept in that are not refused.")
    parser.add_argument("--count", type=int, default=100, help="Number of changed files of each format.")
    parser.add_argument("--formats", nargs="*", default=[], help="Names of formats. All if omitted.")
    parser.add_argument("--seed", type=int, default=0, help="Random seed.")
    args = parser.parse_args()
    kinds = [kind for kind in formats() if not args.formats or kind.name in args.formats]
    if args.folder:
        args.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    report = run(kinds, args.count, args.seed, args.folder)
    print(*report.failures, sep="\n")
    counts = ", ".join(f"{value} {name}" for name, value in report.counts.most_common())
    print(f"{len(kinds)} formats, {report.counts.total()} files in {time.monotonic() - began:.0f} s: {counts}")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
