"""The names that ``nuanced-speech convert`` is given: which recordings are converted, and into which files."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nuanced_speech.cli.arguments import STANDARD
from nuanced_speech.cli.checks import BYTES_PER_SECOND, COMPRESSED_BYTES_PER_SECOND
from nuanced_speech.core.errors import UserError

FOLDER_SUFFIX = ".wav"

# What is kept of a second of an output for resuming: its sound and its features.
KEPT_BYTES_PER_SECOND = 172_000


@dataclass(frozen=True)
class Work:
    """What is to be converted.

    Attributes:
        jobs: pairs of input and output; ``-`` stands for standard input and output.
        suffix: of the outputs in a folder, or of standard output.
        folder: a folder whose recordings are converted into ``out``, in place of ``jobs``.
        out: folder of the outputs.
        shard: share of the folder.
    """

    jobs: list[tuple[Path, Path]]
    suffix: str
    folder: Path | None = None
    out: Path = Path()
    shard: str | None = None

    @property
    def piped(self) -> bool:
        """Whether standard input or output is used."""
        return any(STANDARD in map(str, job) for job in self.jobs)

    def check(self, resume: bool = False) -> None:
        """Find out before a model is loaded whether the outputs can be written, and what is kept for resuming.

        Raises:
            UserError: they cannot, or the disk has too little room.
        """
        from nuanced_speech import audio
        from nuanced_speech.cli.archive import check_archive
        from nuanced_speech.cli.piping import check_output

        if self.suffix not in audio.OUTPUT_FORMATS:
            suffixes = ", ".join(suffix[1:] for suffix in audio.OUTPUT_FORMATS)
            raise UserError(f"format: {self.suffix[1:]!r} cannot be written: choose from {suffixes}")
        if self.folder is not None:
            check_archive(self.folder, self.out, self.suffix, self.shard)
        for _, output in self.jobs:
            check_output(output)
            if str(output) != STANDARD:
                audio.check_writable(output, videos=True)
        self._check_room(resume)

    def _check_room(self, resume: bool) -> None:
        from nuanced_speech.audio.lengths import announced_lengths
        from nuanced_speech.core.files import check_room, size_of
        from nuanced_speech.core.journal import work_folder

        jobs = [(source, output) for source, output in self.jobs if STANDARD not in (str(source), str(output))]
        if self.folder is not None:
            from nuanced_speech.convert.archive import jobs_of
            from nuanced_speech.convert.shard import Shard

            share = None if self.shard is None else Shard.parse(self.shard)
            every = jobs_of(self.folder, self.out, self.suffix, share)
            jobs = [(job.source, job.output) for job in every if not job.output.exists()]
        if not jobs:
            return
        suffix = self.suffix if self.folder is not None else jobs[0][1].suffix.lower()
        lengths = announced_lengths([source for source, _ in jobs])
        needed = lengths.total * BYTES_PER_SECOND.get(suffix, COMPRESSED_BYTES_PER_SECOND)
        if resume:
            kept = sum(size_of(work_folder(output)) for _, output in jobs[:1])
            needed += max(lengths.longest * KEPT_BYTES_PER_SECOND - kept, 0)
        check_room(self.out if self.folder is not None else jobs[0][1].parent, round(needed))


def work_of(files: list[Path], format: str | None, shard: str | None) -> Work:
    """What the names mean.

    Raises:
        UserError: fewer than two names, several inputs that would be written to one file, or options that do not go
            with them.
    """
    if len(files) < 2:
        raise UserError("give the recording and the file to write: nuanced-speech convert in.wav out.wav")
    *sources, last = files
    suffix = FOLDER_SUFFIX if format is None else "." + format.lower().lstrip(".")
    folder = next((source for source in sources if source.is_dir()), None)
    if folder is not None:
        if len(sources) > 1 or str(last) == STANDARD or last.is_file():
            raise UserError(f"{folder} is a folder: give it alone, and another folder for the outputs")
        return Work([], suffix, folder, last, shard)
    if shard is not None:
        raise UserError("shard: only a folder is shared: give one as the input, and another for the outputs")
    if STANDARD in map(str, sources) and len(sources) > 1:
        raise UserError("standard input (-) holds one recording: give it alone")
    if str(last) == STANDARD and len(sources) > 1:
        raise UserError("standard output (-) takes one recording: name a folder as the last argument")
    if len(sources) == 1 and not last.is_dir() and (last.suffix or str(last) == STANDARD):
        if format is not None and last.suffix not in ("", suffix):
            raise UserError(f"format: {last} is not named as {suffix[1:]}: leave out one of the two")
        return Work([(sources[0], last)], suffix)
    if last.suffix and not last.is_dir():
        raise UserError(f"{last} is one file for {len(sources)} recordings: name a folder as the last argument")
    return Work(_into_folder(sources, last, suffix), suffix)


def _into_folder(sources: list[Path], folder: Path, suffix: str) -> list[tuple[Path, Path]]:
    stems = ["standard-input" if str(source) == STANDARD else source.stem for source in sources]
    twice = next((stem for stem, count in Counter(stems).items() if count > 1), None)
    if twice:
        raise UserError(f"two of the recordings are called {twice}: they would overwrite each other in {folder}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot make this folder ({error.strerror})") from error
    return [(source, folder / f"{stem}{suffix}") for source, stem in zip(sources, stems, strict=True)]
