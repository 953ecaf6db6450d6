"""The names that ``nuanced-speech convert`` is given: which recordings are converted, and into which files."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nuanced_speech.cli.arguments import STANDARD
from nuanced_speech.core.errors import UserError

FOLDER_SUFFIX = ".wav"


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

    def check(self) -> None:
        """Find out before a model is loaded whether the outputs can be written.

        Raises:
            UserError: they cannot.
        """
        from nuanced_speech import audio
        from nuanced_speech.cli.archive import check_archive
        from nuanced_speech.cli.piping import check_output

        if self.suffix not in audio.OUTPUT_FORMATS:
            known = ", ".join(suffix[1:] for suffix in audio.OUTPUT_FORMATS)
            raise UserError(f"format: {self.suffix[1:]!r} cannot be written: choose from {known}")
        if self.folder is not None:
            check_archive(self.folder, self.out, self.suffix, self.shard)
        for _, output in self.jobs:
            check_output(output)
            if str(output) != STANDARD:
                audio.check_writable(output, videos=True)


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
