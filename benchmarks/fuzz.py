"""Damaged files: good files of all formats that are read, changed at random, read in a process of their own.

    python benchmarks/fuzz.py [FOLDER] [--count 100] [--formats voice.npz codes] [--seed 0]

Each file must be read, or be refused with a ``UserError``, within 10 seconds and 2 GB. What was neither is listed, kept
in FOLDER, and makes the exit status 1. A line for each format is printed when it is done. What is drawn for a format
does not depend on the others, so that a run which is broken off goes on with ``--begin FORMAT``.
"""

from __future__ import annotations

import argparse
import io
import json
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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

import av
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
import fuzz_formats
import fuzz_weights
import fuzz_work
from fuzz_formats import Format

from nuanced_speech.core.errors import UserError

SECONDS = 10
BYTES = 2_000_000_000
# Files that one process reads, since a process costs a tenth of a second.
BATCH = 50
READ, REFUSED, RAW, LARGE, SLOW = range(5)
_MEANING = {READ: "read", REFUSED: "refused", RAW: "raw exception", LARGE: "too large", SLOW: "too slow or killed"}
_MEMORY = re.compile(r"not enough memory|cannot allocate|can't allocate|alloc_cpu|bad alloc|Unable to allocate", re.I)


@dataclass
class Report:
    """How often each outcome was, and a line for each that must not be."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ", ".join(f"{value} {name}" for name, value in self.counts.most_common())
        return f"{self.counts.total()} files: {counts}"


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with one to four changes: bits, numbers, lengths; parts cut out, doubled, put in; the end cut off.

    Of archives and safetensors, half are changed inside, with checksums and lengths that are right again.
    """
    if rng.random() < 0.5:
        if data[:2] == b"PK":
            return _archive_changed(data, rng)
        size = int.from_bytes(data[:8], "little")
        if data[8:9] == b"{" and size < len(data):
            header = _changed(data[8 : 8 + size], rng)
            return struct.pack("<Q", len(header)) + header + data[8 + size :]
    return _changed(data, rng)


def _archive_changed(data: bytes, rng: np.random.Generator) -> bytes:
    out = io.BytesIO()
    with ZipFile(io.BytesIO(data)) as archive, ZipFile(out, "w") as changed:
        members = archive.infolist()
        number = int(rng.integers(len(members)))
        for k, member in enumerate(members):
            content = archive.read(member)
            changed.writestr(member, _changed(content, rng) if k == number else content, member.compress_type)
    return out.getvalue()


def _changed(data: bytes, rng: np.random.Generator) -> bytes:
    """Half of the changes are in the first 512 bytes, where headers are."""
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


def outcomes(kind: Format, path: Path, files: Sequence[bytes]) -> list[tuple[int, str]]:
    """Read files in a process of their own: the outcome of each, and what was said.

    A process that dies is followed by another one, which goes on after the file that killed it.
    """
    found: list[tuple[int, str]] = []
    while len(found) < len(files):
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            _child(kind, path, files[len(found) :], write_end)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            found += [(int(line[0]), json.loads(line[1])) for line in (row.split(b" ", 1) for row in pipe)]
        _, status = os.waitpid(child, 0)
        if len(found) < len(files):
            how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit status {status}"
            found.append((SLOW, how))
    return found


def _child(kind: Format, path: Path, files: Sequence[bytes], pipe: int) -> None:
    """Never returns."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + BYTES, size + BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for data in files:
        path.write_bytes(data)
        signal.alarm(SECONDS)
        outcome, said = _outcome(kind, path)
        signal.alarm(0)
        os.write(pipe, f"{outcome} {json.dumps(said[:2000])}\n".encode())
    os._exit(0)


def _outcome(kind: Format, path: Path) -> tuple[int, str]:
    try:
        kind.read(path)
    except UserError as error:
        if _out_of_memory(error):
            return LARGE, str(error)
        return (REFUSED if "\n" not in str(error) else RAW), str(error)
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)[-4:]
        where = " ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
        return LARGE if _out_of_memory(error) else RAW, f"{type(error).__name__}: {str(error)[:150]!r} at {where}"
    return READ, ""


def _out_of_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, av.error.MemoryError):
            # what FFmpeg says of sizes above 2 GB in a header, for which it takes no memory
            return False
        if isinstance(error, MemoryError) or _MEMORY.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def run(
    kinds: list[Format],
    count: int,
    seed: int = 0,
    keep: Path | None = None,
    told: Callable[[Format, Report], None] = lambda kind, report: None,
) -> Report:
    """Read ``count`` changed files of each format; those that fail are kept in a folder. ``told`` gets the report of
    each format alone."""
    whole = Report()
    with tempfile.TemporaryDirectory() as temporary:
        for kind in kinds:
            report = Report()
            folder = Path(temporary) / re.sub(r"\W", "-", kind.name)
            folder.mkdir()
            path = folder / kind.file
            kind.write(folder)
            good = path.read_bytes()
            outcome, said = outcomes(kind, path, [good])[0]
            if outcome != READ and kind.name not in ALWAYS_REFUSED:
                report.failures.append(f"{kind.name}: the good file was {_MEANING[outcome]}: {said}")
            rng = np.random.default_rng([seed, zlib.crc32(kind.name.encode())])
            for start in range(0, count, BATCH):
                files = [mutated(good, rng) for _ in range(min(BATCH, count - start))]
                for number, (outcome, said) in enumerate(outcomes(kind, path, files)):
                    report.counts[_MEANING[outcome]] += 1
                    if outcome in (READ, REFUSED):
                        continue
                    report.failures.append(f"{kind.name} {start + number}: {_MEANING[outcome]}: {said}")
                    if keep is not None:
                        (keep / f"{folder.name}-{start + number}{path.suffix}").write_bytes(files[number])
            shutil.rmtree(folder)
            told(kind, report)
            whole.counts.update(report.counts)
            whole.failures.extend(report.failures)
    return whole


# Files of these are refused in the end even when they are whole: what they are a small part of has a known sum or size.
ALWAYS_REFUSED = ("wheel", "CTranslate2", "Kokoro ONNX", "settings of a data set", "Whisper")


def tell(kind: Format, report: Report) -> None:
    """Print what was found of a format."""
    print(*report.failures, f"{kind.name}: {report}", sep="\n", flush=True)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="Folder that files are kept in that are not refused.")
    parser.add_argument("--count", type=int, default=100, help="Number of changed files of each format.")
    parser.add_argument("--formats", nargs="*", default=[], help="Names of formats. All if omitted.")
    parser.add_argument("--begin", help="Name of the first format. The first of all if omitted.")
    parser.add_argument("--seed", type=int, default=0, help="Random seed.")
    args = parser.parse_args()
    every = [*fuzz_formats.formats(), *fuzz_work.formats(), *fuzz_weights.formats()]
    kinds = [kind for kind in every if not args.formats or kind.name in args.formats]
    if args.begin is not None:
        names = [kind.name for kind in kinds]
        if args.begin not in names:
            parser.error(f"--begin: {args.begin!r} is none of {', '.join(names)}")
        kinds = kinds[names.index(args.begin) :]
    if args.folder:
        args.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    report = run(kinds, args.count, args.seed, args.folder, tell)
    print(f"{len(kinds)} formats in {time.monotonic() - began:.0f} s, {report}")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
