"""``nuanced-speech clone | mix | detect``: making voices, and finding the mark in what they spoke."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from nuanced_speech.cli.progress import bar
from nuanced_speech.core.errors import UserError

console = Console(stderr=True)

Name = Annotated[str, typer.Option("--name", help="Of the new voice: letters, digits, - and _.")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder for the voice; --voice NAME looks in voices/.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite a voice of that name, and its report.")]


def clone(
    recordings: Annotated[
        list[Path],
        typer.Argument(
            metavar="REF...",
            help="Recordings of one speaker, of any format and length; half a minute of clean speech is plenty.",
        ),
    ],
    name: Name,
    out: Out = Path("voices"),
    i_have_consent: Annotated[
        str | None,
        typer.Option(
            metavar="STATEMENT",
            help="Who agreed to what, in words: it is kept in the voice. Without it you are asked for a yes.",
        ),
    ] = None,
    refine: Annotated[
        int,
        typer.Option(
            metavar="STEPS",
            help="Steps of gradient descent through the synthesizer; how long they take is said before they start.",
        ),
    ] = 0,
    language: Annotated[str | None, typer.Option(help="That is spoken: en, fr …; otherwise Whisper finds it.")] = None,
    one_speaker: Annotated[
        bool, typer.Option("--one-speaker", help="Take it on trust that the recordings are of one speaker.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="NAME-report.json, .png and .wav go there; by default beside the voice."),
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Make the voice only.")] = False,
    force: Force = False,
    seed: Annotated[int, typer.Option(help="Of the passages that refinement tries.")] = 0,
    whisper: Annotated[str, typer.Option(help="Whisper size that transcribes.")] = "base",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 …")] = "cpu",
) -> None:
    """Make a voice from recordings of a speaker who agreed to it: NAME.pt, NAME.npz and NAME.safetensors.

    Examples:

      nuanced-speech clone me1.wav me2.mp3 --name me --i-have-consent "my own voice"

      nuanced-speech clone anna.flac --name anna --refine 15 --i-have-consent "Anna agreed by letter, May 2026"

      nuanced-speech convert in.wav out.wav --voice me
    """
    from nuanced_speech.voice.voice import check_free, check_name, make_folder

    check_name(name)
    check_free(name, out, force)
    consent = _consent(i_have_consent)
    # torch takes seconds to import: not for --help
    from nuanced_speech.core.device import check_device
    from nuanced_speech.evaluate import voice_report
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.voicemaking.cloning import clone as clone_voice
    from nuanced_speech.weights.catalog import canonical

    folder = report or out
    taken = [] if no_report or force else [path for path in voice_report.paths(folder, name) if path.exists()]
    if taken:
        raise UserError(f"{taken[0]} is there already: choose another --report folder, or --force to overwrite it")
    check_device(device)
    canonical(f"whisper-{whisper}")
    models = ModelBank(device, whisper)
    with bar(name) as advance:
        cloned = clone_voice(
            [*recordings], name, consent=consent, language=language, refine=refine, one_speaker=one_speaker, seed=seed,
            models=models, progress=advance,
        )  # fmt: skip
    for warning in cloned.warnings:
        _say(f"warning: {warning}", "yellow")
    for path in cloned.voice.save(out, force):
        _say(str(path))
    if no_report:
        return
    make_folder(folder)
    figures, spoken = voice_report.measure(cloned, models)
    written = voice_report.write(folder, cloned, figures, spoken)
    table = Table(show_header=False)
    table.add_row("similarity to the recordings", f"{figures.similarity:.3f}")
    if figures.held_out is not None:
        table.add_row("to one that was held out (no refinement)", f"{figures.held_out:.3f}")
    stock, cosine = max(figures.nearest_stock.items(), key=lambda item: item[1])
    table.add_row(f"of the nearest stock voice, {stock}", f"{cosine:.3f}")
    table.add_row("F0", f"{figures.f0_median:.0f} Hz, recordings {figures.recordings_f0_median:.0f} Hz")
    table.add_row("test sentence", figures.sentence)
    table.add_row("heard as", figures.heard)
    console.print(table)
    for path in written:
        _say(str(path))


def mix(
    name: Name,
    expression: Annotated[
        str | None,
        typer.Argument(
            metavar="[EXPRESSION]",
            help="Voices and weights, or a sum whose weights sum to 1. Write spaces around a minus.",
        ),
    ] = None,
    timbre: Annotated[
        str | None, typer.Option(metavar="A", help="Voice to take the timbre from; needs --prosody.")
    ] = None,
    prosody: Annotated[
        str | None, typer.Option(metavar="B", help="Voice to take rhythm and melody from; needs --timbre.")
    ] = None,
    no_prior: Annotated[
        bool, typer.Option("--no-prior", help="Do not draw the sum back to the region of real voices.")
    ] = False,
    out: Out = Path("voices"),
    force: Force = False,
) -> None:
    """Make a voice from others: mixtures, sums and differences.

    Examples:

      nuanced-speech mix "af_heart:0.6,bm_george:0.4" --name blend

      nuanced-speech mix "me + (af_nicole - af_sarah)" --name whispering-me

      nuanced-speech mix --timbre me --prosody af_bella --name lively-me
    """
    if (timbre is None) != (prosody is None) or (expression is None) == (timbre is None):
        raise UserError("give either an expression, or both --timbre and --prosody")
    from nuanced_speech.voice import voice as voices

    voices.check_name(name)
    voices.check_free(name, out, force)
    if expression is not None:
        made = voices.mix(expression, name, prior=not no_prior)
    else:
        parts = voices.Voice.load(timbre or ""), voices.Voice.load(prosody or "")
        made = parts[0].with_prosody_of(parts[1], name)
        made = made if no_prior else made.near_real(*parts)
    for path in made.save(out, force):
        _say(str(path))


def detect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="WAV, FLAC or OGG files.")],
) -> None:
    """Say whether the metadata of audio files call them synthetic; exit status 2 if those of none do.

    A file without the mark may be synthetic all the same: metadata are lost when a file is edited or sent.

    Example:

      nuanced-speech detect out.wav
    """
    from nuanced_speech import audio

    marks = {path: audio.synthetic_mark(path) for path in files}
    for path, mark in marks.items():
        # it may be anybody's: nothing that would steer a terminal
        print(f"{path}: {''.join(c if c.isprintable() else '?' for c in mark or 'no mark')}")
    if not any(marks.values()):
        raise typer.Exit(2)


def _consent(statement: str | None) -> str:
    """The statement given, or a yes to the question.

    Raises:
        UserError: none, and nobody to ask.
    """
    if statement is not None:
        if not statement.strip():
            raise UserError("--i-have-consent is empty: say in words who agreed to what")
        return statement
    if not sys.stdin.isatty():
        raise UserError('cloning needs the speaker\'s consent: --i-have-consent "who agreed to what"')
    console.print("Does the speaker of these recordings agree to a synthetic voice that sounds like them?")
    if console.input("Type yes: ").strip().lower() != "yes":
        raise UserError("no voice is made without the speaker's consent")
    return f"answered yes when asked whether the speaker agrees, {date.today().isoformat()}"


def _say(text: str, style: str | None = None) -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
