"""The part of ``nuanced-speech convert`` that converts a folder of recordings."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nuanced_speech.cli.options import in_options
from nuanced_speech.cli.progress import bar
from nuanced_speech.core.errors import NoSpeechError, UserError

if TYPE_CHECKING:
    from nuanced_speech.convert.archive import ArchiveOutcome
    from nuanced_speech.convert.options import ConversionOptions
    from nuanced_speech.convert.resumable import AnyConverter
    from nuanced_speech.core.jobs import Spread
    from nuanced_speech.core.progress import Progress
    from nuanced_speech.models.decoder import Decoder
    from nuanced_speech.scale.ray_workers import RayConfig

console = Console(stderr=True)
ENGINES = ("local", "ray")

ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="i/n",
        help="Share of a folder's recordings to convert, such as 2/4. Several processes share an archive by it.",
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="local|ray",
        help="Engine that converts a folder: local (this process) or ray (a cluster: that of RAY_ADDRESS, or this "
        "machine). Extra ray.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(metavar="N", help="Number of workers of --engine ray. As many as there is room for if omitted."),
]
Gpus = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="GPUs of each worker of --engine ray: 1, 0.25 …. With --device cuda, 1 if omitted.",
    ),
]


@dataclass(frozen=True)
class ArchiveEngine:
    """What converts a folder: ``local`` (this process), or ``ray``, with a number of workers and the GPUs of each.
    Either has recordings at the same time, those of each worker, and seconds of a batch. Of one recording, these are
    of its segments."""

    name: str = "local"
    workers: int | None = None
    gpus: float | None = None
    jobs: int | None = None
    batch_seconds: float | None = None

    def check(self, folder: Path | None) -> None:
        """Find out before a model is loaded whether a folder, or single recordings, can be converted so.

        Raises:
            UserError: they cannot.
        """
        if self.name not in ENGINES:
            raise UserError(f"engine: unknown engine {self.name!r}: choose one of {', '.join(ENGINES)}")
        if self.name == "local":
            if self.workers is not None or self.gpus is not None:
                raise UserError("`workers` and `gpus`: they belong to the engine ray: ask for it, or leave them out")
            if self.jobs is not None or self.batch_seconds is not None:
                self.spread("cpu")
            return
        if folder is None:
            raise UserError("engine: ray converts a folder: give one as the input, and another for the outputs")
        if find_spec("ray") is None:
            raise UserError('the engine ray needs the extra ray: pip install "nuanced-speech[ray]"')
        self.spread("cpu")

    def spread(self, device: str) -> "Spread":
        """How this process, or each worker, spreads a folder's recordings, with models on a device.

        Raises:
            UserError: numbers that are not possible.
        """
        from nuanced_speech.core.jobs import ALONE, spread_of

        # there is a worker for each processor already
        if self.name == "ray" and device == "cpu" and self.jobs is None and not self.batch_seconds:
            return ALONE
        return spread_of(device, self.jobs, self.batch_seconds)

    def within(self, folder: Path | None, device: str) -> "Spread":
        """How this process spreads the segments of one recording; one after the other where it is one of a folder."""
        from nuanced_speech.core.jobs import ALONE, spread_of_one

        return ALONE if folder is not None else spread_of_one(device, self.jobs, self.batch_seconds)

    def decoder(self, decoder: "Decoder", folder: Path | None, device: str) -> "Decoder":
        """A decoder for this process; one that makes batches where a folder is converted in batches."""
        from nuanced_speech.models.batched_decoder import batched

        if folder is None or self.name != "local":
            return decoder
        return batched(decoder, self.spread(device).batch_seconds)

    def config(self, device: str) -> "RayConfig":
        """How the engine ray spreads the work, for models on a device.

        Raises:
            UserError: numbers that are not possible.
        """
        from nuanced_speech.core.threads import chosen
        from nuanced_speech.scale.ray_workers import RayConfig

        gpus = (1.0 if device.startswith("cuda") else 0.0) if self.gpus is None else self.gpus
        if gpus and not device.startswith("cuda"):
            raise UserError("gpus: models on a GPU need the device cuda")
        spread = self.spread(device)
        return RayConfig(self.workers, chosen() or 1, gpus, spread.jobs, spread.batch_seconds)


def check_archive(folder: Path, out: Path, suffix: str, shard: str | None) -> None:
    """Find out before a model is loaded whether a folder can be converted into another.

    Raises:
        UserError: it cannot.
    """
    from nuanced_speech.convert.archive import jobs_of
    from nuanced_speech.convert.shard import Shard
    from nuanced_speech.core.files import check_replaceable, make_folder

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
    engine: ArchiveEngine,
    resume: bool = False,
    decoder: str = "kokoro",
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
    digest = digest_of(options, **converter.settings)

    def outcomes(progress: "Progress") -> "Iterator[ArchiveOutcome]":
        if engine.name == "local":
            spread = engine.spread(str(converter.models.device))
            return convert_archive(converter.convert, jobs, out, options, digest, share, progress, spread)
        from nuanced_speech.convert.converter_maker import ConverterMaker
        from nuanced_speech.scale.ray_engine import RayEngine

        device, whisper = str(converter.models.device), converter.models.whisper
        config = engine.config(device)
        make = ConverterMaker(device, whisper, options.chosen_path, resume, decoder, config.batch_seconds)
        return RayEngine(make, config).convert_archive(jobs, out, options, digest, share)

    new, before, failed, silent = 0, 0, 0, 0
    with bar(folder.name) as advance:
        finished = outcomes(lambda done: advance((new + before + failed + done) / len(jobs)))
        for outcome in finished:
            failed += outcome.entry.state == FAILED
            silent += outcome.entry.state == FAILED and outcome.entry.no_speech
            new += outcome.conversion is not None
            before += outcome.entry.state == DONE and outcome.conversion is None
            advance((new + before + failed) / len(jobs))
            _tell(outcome, f"[{new + before + failed}/{len(jobs)}]", options)
    console.print(
        f"{out}: {new} converted, {before} done before, {failed} failed", markup=False, highlight=False, soft_wrap=True
    )
    if failed:
        raise failure_of(failed, silent)(
            f"{failed} of {len(jobs)} recordings were not converted; the manifest in {out} says why, and the same "
            "command tries them again"
        )


def failure_of(failed: int, silent: int) -> type[UserError]:
    """The error that ends a command of which some recordings failed, so many of them for lack of speech alone."""
    return NoSpeechError if failed == silent else UserError


def _tell(outcome: "ArchiveOutcome", place: str, options: "ConversionOptions") -> None:
    if outcome.entry.reason:
        names = {name: f"--{name.replace('_', '-')}" for name in vars(options)}
        line = f"{place} error: {in_options(outcome.entry.reason, names)}"
        console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    elif outcome.conversion is not None:
        speed = f"{outcome.conversion.path} path, {outcome.conversion.rtf:.2f} x the recording's length"
        console.print(f"{place} {outcome.job.output}: {speed}", markup=False, highlight=False, soft_wrap=True)
