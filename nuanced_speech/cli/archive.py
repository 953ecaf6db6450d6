"""The part of ``nuanced-speech convert`` that converts a folder of recordings."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from nuanced_speech.cli.options import in_options
from nuanced_speech.cli.progress import bar
from nuanced_speech.core.errors import UserError

if TYPE_CHECKING:
    from nuanced_speech.convert.archive import Outcome
    from nuanced_speech.convert.options import ConversionOptions
    from nuanced_speech.convert.resumable import AnyConverter

console = Console(stderr=True)


def check_archive(folder: Path, out: Path, suffix: str, shard: str | None) -> None:
    """Find out before a model is loaded whether a folder can be converted into another.

    Raises:
        UserError: it cannot.
    """
    from nuanced_speech.convert.archive import jobs_of
    from nuanced_speech.convert.shard import Shard
    from nuanced_speech.core.files import check_replaceable
    from nuanced_speech.voice.files import make_folder

    jobs_of(folder, out, suffix, None if shard is None else Shard.parse(shard))
    make_folder(out)
    check_replaceable(out / ".check")


def convert_folder(
    converter: "AnyConverter",
    folder: Path,
    out: Path,
    options: "ConversionOptions",
    suffix: str,
    shard: str | None,
) -> None:
    """Convert a folder's recordings, with a line for each and one for all.

    Raises:
        UserError: some were not converted.
    """
    from nuanced_speech.convert.archive import convert_archive, digest_of, jobs_of
    from nuanced_speech.convert.manifest import DONE, FAILED
    from nuanced_speech.convert.shard import Shard

    share = None if shard is None else Shard.parse(shard)
    jobs = jobs_of(folder, out, suffix, share)
    digest = digest_of(options, whisper=converter.models.whisper)
    new, before, failed = 0, 0, 0
    with bar(folder.name) as advance:
        outcomes = convert_archive(
            converter.convert, jobs, out, options, digest, share,
            lambda done: advance((new + before + failed + done) / len(jobs)),
        )  # fmt: skip
        for outcome in outcomes:
            failed += outcome.entry.state == FAILED
            new += outcome.conversion is not None
            before += outcome.entry.state == DONE and outcome.conversion is None
            _tell(outcome, f"[{new + before + failed}/{len(jobs)}]", options)
    console.print(
        f"{out}: {new} converted, {before} done before, {failed} failed", markup=False, highlight=False, soft_wrap=True
    )
    if failed:
        raise UserError(
            f"{failed} of {len(jobs)} recordings were not converted; the manifest in {out} says why, and the same "
            "command tries them again"
        )


def _tell(outcome: "Outcome", place: str, options: "ConversionOptions") -> None:
    if outcome.entry.reason:
        names = {name: f"--{name.replace('_', '-')}" for name in vars(options)}
        line = f"{place} error: {in_options(outcome.entry.reason, names)}"
        console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    elif outcome.conversion is not None:
        speed = f"{outcome.conversion.path} path, {outcome.conversion.rtf:.2f} x the recording's length"
        console.print(f"{place} {outcome.job.output}: {speed}", markup=False, highlight=False, soft_wrap=True)
