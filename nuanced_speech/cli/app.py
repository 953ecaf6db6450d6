"""The command line: ``nuanced-speech`` and the names in ``COMMANDS``."""

import logging
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from nuanced_speech import __version__
from nuanced_speech.cli.clone import clone, detect, mix
from nuanced_speech.cli.evaluate import evaluate
from nuanced_speech.cli.models import app as models_app
from nuanced_speech.cli.plot import plot
from nuanced_speech.cli.progress import bar
from nuanced_speech.cli.say import say
from nuanced_speech.cli.train import app as train_app
from nuanced_speech.cli.tts.app import app as tts_app
from nuanced_speech.cli.voices import app as voices_app
from nuanced_speech.cli.voices import describe
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.threads import let_idle_threads_sleep
from nuanced_speech.core.threads import limit as limit_threads

# As --help lists them.
COMMANDS = (
    "convert",
    "say",
    "clone",
    "mix",
    "describe",
    "voices",
    "detect",
    "evaluate",
    "plot",
    "tts",
    "train",
    "models",
)


class _InOrder(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(self.commands, key=COMMANDS.index)


def _with_threads(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command with the option ``--threads``, which holds before anything is computed."""

    @wraps(function)
    def command(*arguments: Any, threads: int | None = None, **options: Any) -> Any:
        if threads is not None:
            limit_threads(threads)
        return function(*arguments, **options)

    option = typer.Option(min=1, metavar="N", help="Processor threads to compute with. All cores if omitted.")
    kind = Annotated[int | None, option]
    own = Parameter("threads", Parameter.KEYWORD_ONLY, default=None, annotation=kind)
    before = signature(function)
    command.__signature__ = before.replace(parameters=[*before.parameters.values(), own])  # type: ignore[attr-defined]
    command.__annotations__ = {**function.__annotations__, "threads": kind}
    return command


def _add_threads(app: typer.Typer) -> None:
    """Give ``--threads`` to all commands of an app, those about model files left out."""
    for command in app.registered_commands:
        if command.callback is not None:
            command.callback = _with_threads(command.callback)
    for group in app.registered_groups:
        if group.name != "models" and group.typer_instance is not None:
            _add_threads(group.typer_instance)


app = typer.Typer(
    cls=_InOrder,
    help="Speech in, speech out, and how it was said survives. Start with: nuanced-speech convert in.wav out.wav",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (say, clone, mix, describe, detect, evaluate, plot):
    app.command()(command)
app.add_typer(voices_app, name="voices")
app.add_typer(tts_app, name="tts")
app.add_typer(train_app, name="train")
app.add_typer(models_app, name="models")
console = Console(stderr=True)


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    pass


@app.command()
def convert(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="IN... OUT",
            help="One recording and the file to write (WAV, FLAC or OGG by its name), or several recordings and a "
            "folder. Reads WAV, FLAC, OGG, MP3 and what else libsndfile reads; any rate, any channels, any length.",
        ),
    ],
    voice: Annotated[
        str | None,
        typer.Option(
            help="Voice to speak with: a stock voice (af_heart), one of your own in voices/, a mix "
            "(af_heart:0.7,bm_george:0.3), a voice pack file (.pt, .safetensors, .npz) or a recording. Without it the "
            "input's own voice is kept."
        ),
    ] = None,
    keep: Annotated[
        str, typer.Option(help="What stays as in the source, by commas; what is left out, Kokoro makes up.")
    ] = "f0,rhythm,energy",
    path: Annotated[
        str, typer.Option(help="direct: without text; text: by transcript and phonemes; auto: text where it can be.")
    ] = "auto",
    text: Annotated[str | None, typer.Option(help="Say these words instead, in the source's voice and manner.")] = None,
    pitch_shift: Annotated[float, typer.Option(metavar="SEMITONES", help="Raise or lower the melody.")] = 0.0,
    whisper: Annotated[str, typer.Option(help="Whisper size that transcribes: tiny.en, base, small, turbo …")] = "base",
    language: Annotated[
        str | None,
        typer.Option(
            help="Of the source: en, fr …; else Whisper finds it; --path direct, which does not ask, assumes en."
        ),
    ] = None,
    refine: Annotated[
        int,
        typer.Option(
            metavar="STEPS",
            help="Bring the voice nearer to its recording by gradient descent through the synthesizer; how long "
            "that takes is said before it starts (30 steps: a minute or two on two cores). If five steps show that "
            "Kokoro made it, its very style is sought.",
        ),
    ] = 0,
    more: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RECORDING",
            help="Another recording of the voice that is wanted (the input's own, or that of --voice RECORDING), by "
            "which it is known better; may be given again.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the synthesizer's noise: the same seed gives the same file.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 …")] = "cpu",
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write NAME.json (transcripts, WER, correlations, speed) and NAME.png (pictures) there."
        ),
    ] = None,
) -> None:
    """Speak a recording again: its words, melody, rhythm and loudness, in its own voice or another.

    Examples:

      nuanced-speech convert in.wav out.wav

      nuanced-speech convert in.mp3 out.flac --voice af_heart:0.7,bm_george:0.3 --report report/

      nuanced-speech convert in.wav out.wav --text "Quite another sentence."

      nuanced-speech convert one.wav two.wav three.wav converted/ --voice my_voice.pt
    """
    jobs = _jobs(files)
    kept = tuple(part.strip() for part in keep.split(",") if part.strip() and part.strip() != "none")
    # torch takes seconds to import: not for --help
    from nuanced_speech.convert.converter import Converter
    from nuanced_speech.core.device import check_device
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.weights.catalog import canonical

    check_device(device)
    canonical(f"whisper-{whisper}")
    converter = Converter(ModelBank(device, whisper))
    failed = 0
    for source, output in jobs:
        try:
            _convert_one(
                converter, source, output, voice, kept, path, text, pitch_shift, language, refine, more or (),
                seed, report,
            )  # fmt: skip
        except UserError as error:
            if len(jobs) == 1:
                raise
            # one bad file among many must not cost the others
            console.print(f"error: {error}", style="red", markup=False, highlight=False)
            failed += 1
    if failed:
        raise UserError(f"{failed} of {len(jobs)} recordings were not converted; the others are in {files[-1]}")


def _convert_one(  # type: ignore[no-untyped-def]
    converter, source, output, voice, keep, path, text, pitch_shift, language, refine, more, seed, report
) -> None:
    with bar(source.name) as advance:
        done = converter.convert(
            source, voice=voice, keep=keep, path=path, text=text, pitch_shift=pitch_shift, language=language,
            refine=refine, more=tuple(more), seed=seed, output=output, progress=advance,
        )  # fmt: skip
    console.print(f"{output}: {done.path} path, {done.rtf:.2f} x the recording's length", markup=False, highlight=False)
    if report is not None:
        from nuanced_speech import audio
        from nuanced_speech.evaluate import report as reports

        spoken = audio.read(output)
        figures, a, b = reports.measure(
            done.source, spoken, converter.models.transcriber, done.seconds, said=text, language=language
        )
        sheet, picture = reports.write(report, output.stem, done.source, spoken, figures, a, b)
        console.print(_figures_table(figures))
        console.print(f"report: {sheet}\npicture: {picture}", markup=False, highlight=False)


def _figures_table(figures) -> Table:  # type: ignore[no-untyped-def]
    table = Table(show_header=False)
    table.add_row("source says", figures.source_transcript)
    table.add_row("output says", figures.output_transcript)
    table.add_row("WER", f"{figures.wer:.1%}")
    table.add_row("log-F0 correlation", f"{figures.f0_correlation:.3f}")
    table.add_row("energy correlation", f"{figures.energy_correlation:.3f}")
    similarity = figures.speaker_similarity
    table.add_row("speaker similarity", "install the evaluate extra" if similarity is None else f"{similarity:.3f}")
    table.add_row("RTF", f"{figures.rtf:.2f}")
    return table


def _jobs(files: list[Path]) -> list[tuple[Path, Path]]:
    """Pairs of input and output.

    Raises:
        UserError: fewer than two names, or several inputs that would be written to one file.
    """
    if len(files) < 2:
        raise UserError("give the recording and the file to write: nuanced-speech convert in.wav out.wav")
    *sources, last = files
    if len(sources) == 1 and not last.is_dir() and last.suffix:
        return [(sources[0], last)]
    if last.suffix and not last.is_dir():
        raise UserError(f"{last} is one file for {len(sources)} recordings: name a folder as the last argument")
    stems = [source.stem for source in sources]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice:
        raise UserError(f"two of the recordings are called {twice}: they would overwrite each other in {last}")
    try:
        last.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{last}: cannot make this folder ({error.strerror})") from error
    return [(source, last / f"{source.stem}.wav") for source in sources]


_add_threads(app)


def main() -> None:
    """Run the command line; a user's mistake is one line on standard error and exit status 1."""
    let_idle_threads_sleep()
    logging.getLogger("nuanced_speech").setLevel(logging.INFO)
    # what is logged appears above a bar: unlike a handler of our own, this one asks for standard error each time
    if logging.lastResort is not None:
        logging.lastResort.setLevel(logging.INFO)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="torch|whisper|spacy|transformers")
    try:
        app()
    except UserError as error:
        console.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("interrupted: nothing half-written was left behind")
        sys.exit(130)
