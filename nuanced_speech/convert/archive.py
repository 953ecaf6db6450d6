"""Conversion of a folder of recordings into another: resumable, sub-folders mirrored, every input accounted for."""

import hashlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

from nuanced_speech import audio
from nuanced_speech.convert.converter import Conversion
from nuanced_speech.convert.manifest import DONE, FAILED, Entry, Manifest
from nuanced_speech.convert.options import ConversionOptions, is_recording
from nuanced_speech.convert.shard import Shard
from nuanced_speech.core.errors import NoSpeechError, UserError
from nuanced_speech.core.files import make_folder, sha256
from nuanced_speech.core.jobs import ALONE, Spread, as_done
from nuanced_speech.core.progress import Progress, Shares
from nuanced_speech.text.dictionary import Dictionary
from nuanced_speech.voice.voice import Voice

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ArchiveJob:
    """One recording of an archive: its path within the folder, with slashes, the file itself, and the file to write."""

    name: str
    source: Path
    output: Path


@dataclass(frozen=True)
class Made:
    """What a conversion into a file comes to.

    Attributes:
        path: ``direct``, ``text`` or ``none``.
        rtf: processing time over the source's length.
    """

    path: str
    rtf: float


@dataclass(frozen=True)
class ArchiveOutcome:
    """What became of a job: its entry in the manifest, and what was made if it was made just now."""

    job: ArchiveJob
    entry: Entry
    conversion: Made | None = None


class Converting(Protocol):
    """What converts a file into a file: ``Converter.convert``."""

    def __call__(
        self,
        source: str | Path,
        options: ConversionOptions | None = None,
        *,
        output: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Conversion: ...


def jobs_of(folder: Path, out: Path, suffix: str = ".wav", shard: Shard | None = None) -> list[ArchiveJob]:
    """The recordings of a folder and of those below it, and where each goes.

    Hidden files and what lies in the output folder are left out. Recordings whose names differ in nothing but the
    suffix keep theirs: ``a.mp3`` becomes ``a.mp3.wav`` beside ``a.flac``.

    Args:
        suffix: of the outputs.
        shard: the share to take; which one a recording belongs to does not depend on the others.

    Raises:
        UserError: no recording in the folder; a folder whose outputs would be its inputs.
    """
    if out.exists() and out.samefile(folder):
        raise UserError(f"{out} is the input itself: give the output another folder")
    inside = out.resolve()
    sources = [
        path
        for path in audio.recordings_in(folder)
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
        and inside not in path.resolve().parents
    ]
    if not sources:
        suffixes = ", ".join(sorted(audio.SEARCHED_SUFFIXES))
        raise UserError(f"{folder} holds no recordings: files that end in {suffixes} are converted")
    stems = Counter(path.relative_to(folder).with_suffix("") for path in sources)
    jobs = []
    for path in sources:
        inner = path.relative_to(folder)
        stem = inner.name if stems[inner.with_suffix("")] > 1 else inner.stem
        if shard is None or shard.has(inner.as_posix()):
            jobs.append(ArchiveJob(inner.as_posix(), path, out / inner.parent / f"{stem}{suffix}"))
    return jobs


def convert_archive(
    convert: Converting,
    jobs: Sequence[ArchiveJob],
    out: Path,
    options: ConversionOptions,
    options_digest: str,
    shard: Shard | None = None,
    progress: Progress | None = None,
    spread: Spread = ALONE,
) -> Iterator[ArchiveOutcome]:
    """Convert recordings, one by one or several at the same time; whatever goes wrong with one is noted, and the
    others go on.

    Recordings that are done already, with the same options, are not read again; those that failed are tried again.

    Args:
        convert: ``Converter.convert``.
        jobs: as ``jobs_of`` gives them.
        out: folder of the outputs and of the manifest; made where it is missing.
        options: for all of them.
        options_digest: as ``digest_of`` gives it.
        shard: the share that ``jobs`` are.
        progress: called with the share of the recording under way, or the sum of the shares of several; these call it
            from several threads, one at a time.
        spread: how many are under way at the same time; ``convert`` must bear as many threads. The outcomes of several
            come in the order in which they end.

    Raises:
        UserError: a folder or manifest that cannot be written.
    """
    make_folder(out)
    shares, noting = Shares(progress), threading.Lock()
    with Manifest(out, shard) as manifest:
        note_pending(manifest, jobs, out)

        def work(job: ArchiveJob) -> ArchiveOutcome:
            planned, before, made = entry_of(job, out, options_digest), manifest.entries[job.name], None
            if is_done(job, before, planned):
                return ArchiveOutcome(job, before)
            entry = attempt(lambda: identified(planned, job.source), planned)
            if entry.state != FAILED:
                entry, made = converted(convert, job, entry, options, shares.of(job.name))
            entry = replace(entry, time=time.time())
            # here, so that it is noted too where Ctrl-C comes before its outcome is asked for
            with noting:
                manifest.add(entry)
            return ArchiveOutcome(job, entry, made)

        # the threads end before the manifest is closed
        with closing(as_done(work, jobs, spread.fitted(len(jobs)), shares.stop)) as outcomes:
            for outcome in outcomes:
                shares.drop(outcome.job.name)
                yield outcome


def entry_of(job: ArchiveJob, out: Path, options_digest: str) -> Entry:
    """The entry of a job that nothing is known of yet."""
    return Entry(job.name, job.output.relative_to(out).as_posix(), options=options_digest)


def note_pending(manifest: Manifest, jobs: Sequence[ArchiveJob], out: Path) -> None:
    """Note the jobs that a manifest does not know."""
    new = [job for job in jobs if job.name not in manifest.entries]
    manifest.add(*(Entry(job.name, job.output.relative_to(out).as_posix(), time=time.time()) for job in new))


def converted(
    convert: Converting, job: ArchiveJob, entry: Entry, options: ConversionOptions, progress: Progress | None = None
) -> tuple[Entry, Made | None]:
    """A job's entry when it is done or has failed, and what was made; ``entry`` is as ``identified`` gives it."""
    made: list[Made] = []

    def work() -> Entry:
        make_folder(job.output.parent)
        conversion = convert(job.source, options, output=job.output, progress=progress)
        made.append(Made(conversion.path, conversion.rtf))
        seconds = len(conversion.source) / conversion.sample_rate
        return replace(entry, state=DONE, written=job.output.stat().st_size, seconds=round(seconds, 3))

    entry = attempt(work, entry)
    return entry, made[0] if entry.state == DONE else None


def attempt(work: Callable[[], Entry], entry: Entry) -> Entry:
    """What ``work`` gives; ``entry``, failed with a reason, where it raises: an archive must not end at one file."""
    try:
        return work()
    except UserError as error:
        return replace(entry, state=FAILED, reason=str(error), no_speech=isinstance(error, NoSpeechError))
    except Exception as error:
        if (signal := _signal_behind(error)) is not None:
            raise signal from error
        log.debug("%s failed", entry.input, exc_info=True)
        lines = f"{type(error).__name__}: {error}".splitlines()
        return replace(entry, state=FAILED, reason=lines[0][:500])


def _signal_behind(error: BaseException | None) -> BaseException | None:
    """The Ctrl-C or end of the program that an error was made of, as compiled modules do while they are imported."""
    while error is not None and isinstance(error, Exception):
        error = error.__cause__ or error.__context__
    return error


def digest_of(options: ConversionOptions, **others: Any) -> str:
    """A digest of options, of the voices and recordings that they name, and of other settings, by their content."""
    values = {field.name: getattr(options, field.name) for field in fields(options)} | others
    total = hashlib.sha256()
    for name in sorted(values):
        total.update(f"{name}={_content(name, values[name])}\n".encode())
    return total.hexdigest()[:16]


def _content(name: str, value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ",".join(_content(name, part) for part in value) + "]"
    if isinstance(value, Dictionary):
        return repr(sorted(value.entries.items()))
    if name == "more" or (name == "voice" and value is not None and is_recording(value)):
        with_path = Path(str(value))
        return sha256([with_path]) if with_path.is_file() else str(value)
    if name == "voice" and value is not None:
        return Voice.load(value).digest
    return repr(value)


def identified(entry: Entry, source: Path) -> Entry:
    """An entry with what its input is known by.

    Raises:
        UserError: the input cannot be read.
    """
    try:
        status = source.stat()
        return replace(entry, bytes=status.st_size, modified=status.st_mtime_ns, sha256=sha256([source]))
    except OSError as error:
        raise UserError(f"{source} cannot be read: {error.strerror}") from error


def is_done(job: ArchiveJob, before: Entry, planned: Entry) -> bool:
    """Whether a job is done with these options, its input is the same, and its output is there."""
    if before.state != DONE or (before.options, before.output) != (planned.options, planned.output):
        return False
    try:
        status = job.source.stat()
        if job.output.stat().st_size != before.written or status.st_size != before.bytes:
            return False
        return status.st_mtime_ns == before.modified or sha256([job.source]) == before.sha256
    except OSError:
        return False
