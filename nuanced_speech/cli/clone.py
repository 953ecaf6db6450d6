"""``nuanced-speech clone | mix | detect``: new voices, and the mark of synthetic audio."""

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from nuanced_speech.cli.arguments import Decoder, Device, VoiceFolder, Whisper
from nuanced_speech.cli.checks import check_report, find_models
from nuanced_speech.cli.progress import bar
from nuanced_speech.core.errors import UserError

if TYPE_CHECKING:
    from nuanced_speech.evaluate.voice_report import VoiceFigures
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.models.decoder import Decoder as LoadedDecoder
    from nuanced_speech.voicemaking.cloning import Clone

console = Console(stderr=True)

Name = Annotated[str, typer.Option("--name", help="Name of the new voice: letters, digits, - and _.")]
Force = Annotated[bool, typer.Option("--force", help="Overwriting of a voice of that name, and of its report.")]
Recordings = Annotated[
    list[Path],
    typer.Argument(
        metavar="REF...",
        help="Recordings of one speaker, of any format and length. Half a minute of clean speech is plenty.",
    ),
]
Consent = Annotated[
    str | None,
    typer.Option(
        metavar="STATEMENT",
        help="Consent of the speaker in words: who agreed to what. The voice keeps it. Asked for if omitted.",
    ),
]
Refine = Annotated[
    int,
    typer.Option(
        metavar="STEPS",
        help="Steps of gradient descent through the synthesizer; the expected time is printed first. With a fast "
        "decoder, steps through that one: 100 take about a minute, and the voice is nearer with this decoder alone.",
    ),
]
Language = Annotated[str | None, typer.Option(help="Language of the recordings (en, fr, …). Detected if omitted.")]
OneSpeaker = Annotated[bool, typer.Option("--one-speaker", help="No check that the recordings are of one speaker.")]
Report = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder for NAME-report.json, .png and .wav. Beside the voice if omitted."),
]


def clone(
    recordings: Recordings,
    name: Name,
    out: VoiceFolder = Path("voices"),
    i_have_consent: Consent = None,
    refine: Refine = 0,
    language: Language = None,
    one_speaker: OneSpeaker = False,
    report: Report = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="No report.")] = False,
    force: Force = False,
    decoder: Decoder = "kokoro",
    seed: Annotated[int, typer.Option(help="Random seed of the refinement.")] = 0,
    whisper: Whisper = "base",
    device: Device = "cpu",
) -> None:
    """Make a voice from recordings of a speaker who agreed to it: NAME.pt, NAME.npz and NAME.safetensors.

    Examples:

      nuanced-speech clone me1.wav me2.mp3 --name me --i-have-consent "my own voice"

      nuanced-speech clone anna.flac --name anna --refine 15 --i-have-consent "Anna agreed by letter, May 2026"

      nuanced-speech convert in.wav out.wav --voice me
    """
    from nuanced_speech.voice.files import check_free, check_name, check_writable

    check_name(name)
    check_free(name, out, force)
    check_writable(name, out)
    consent = _consent(i_have_consent)
    from nuanced_speech.voicemaking.cloning import clone as clone_voice

    folder = report or out
    if not no_report:
        _check_report(folder, name, force)
    models, chosen = _models(device, whisper, decoder, refine, recordings)
    with bar(name) as advance:
        cloned = clone_voice(
            [*recordings], name, consent=consent, language=language, refine=refine, one_speaker=one_speaker, seed=seed,
            models=models, progress=advance, decoder=chosen,
        )  # fmt: skip
    for warning in cloned.warnings:
        _say(f"warning: {warning}", "yellow")
    for path in cloned.voice.save(out, force):
        _say(str(path))
    if not no_report:
        _report(cloned, models, folder)


def _models(
    device: str, whisper: str, decoder: str, refine: int, recordings: list[Path]
) -> tuple["ModelBank", "LoadedDecoder"]:
    """The models and the decoder; all options are checked before models are fetched."""
    # imported here, since torch takes seconds to import and --help does not need it
    from nuanced_speech.core.device import check_device
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.models.decoder import KOKORO, load_decoder
    from nuanced_speech.models.whisper import check_size

    check_device(device)
    check_size(whisper)
    models = ModelBank(device, whisper)
    if decoder != KOKORO and not refine:
        raise UserError("decoder: a voice is made for a fast decoder by `refine` alone: give a number of steps too")
    loaded = load_decoder(decoder, models)
    _check_recordings(recordings)
    find_models(whisper)
    return models, loaded


def _check_recordings(recordings: list[Path]) -> None:
    """Find a mistake in a name before models are fetched."""
    missing = next((path for path in recordings if not path.exists()), None)
    if missing is not None:
        raise UserError(f"{missing} does not exist: check the name")


def _check_report(folder: Path, name: str, force: bool) -> None:
    """Refuse a report that could not be written, before any work."""
    from nuanced_speech.evaluate import voice_report

    files = voice_report.paths(folder, name)
    taken = [path for path in files if path.exists()]
    if taken and not force:
        raise UserError(f"{taken[0]} is there already: choose another --report folder, or --force to overwrite it")
    check_report(folder, files)


def _report(cloned: "Clone", models: "ModelBank", folder: Path) -> None:
    from nuanced_speech.core.files import make_folder
    from nuanced_speech.evaluate import voice_report

    make_folder(folder)
    recordings = {str(recording.path): recording.wave for recording in cloned.recordings}
    speaker = voice_report.TargetSpeaker(recordings, cloned.embedding, cloned.log_f0, cloned.warnings)
    figures, test_sentence = voice_report.measure(cloned.voice, speaker, models)
    written = voice_report.write(folder, cloned.voice, speaker, figures, test_sentence)
    console.print(_figures_table(figures))
    for path in written:
        _say(str(path))


def _figures_table(figures: "VoiceFigures") -> Table:
    table = Table(show_header=False)
    table.add_row("similarity to the recordings", f"{figures.similarity:.3f}")
    if figures.held_out is not None:
        table.add_row("similarity to a held-out recording (no refinement)", f"{figures.held_out:.3f}")
    stock, cosine = max(figures.nearest_stock.items(), key=lambda item: item[1])
    table.add_row(f"similarity of the nearest stock voice, {stock}", f"{cosine:.3f}")
    table.add_row("F0", f"{figures.f0_median:.0f} Hz, recordings {figures.recordings_f0_median:.0f} Hz")
    table.add_row("test sentence", figures.sentence)
    table.add_row("transcript", figures.transcript)
    return table


def mix(
    name: Name,
    expression: Annotated[
        str | None,
        typer.Argument(
            metavar="[EXPRESSION]",
            help="Voices and weights, or a sum, with spaces around a minus. Weights are divided by their sum.",
        ),
    ] = None,
    timbre: Annotated[
        str | None, typer.Option(metavar="A", help="Voice that gives the timbre, with --prosody.")
    ] = None,
    prosody: Annotated[
        str | None, typer.Option(metavar="B", help="Voice that gives rhythm and melody, with --timbre.")
    ] = None,
    no_prior: Annotated[
        bool, typer.Option("--no-prior", help="No pull of the sum towards the region of real voices.")
    ] = False,
    out: VoiceFolder = Path("voices"),
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
    from nuanced_speech.voice.files import check_free, check_name

    check_name(name)
    check_free(name, out, force)
    if expression is not None:
        made = voices.mix(expression, name, prior=not no_prior)
    else:
        parts = voices.Voice.load(timbre or ""), voices.Voice.load(prosody or "")
        made = parts[0].with_prosody_of(parts[1], name)
        made = made if no_prior else made.near_real(*parts)
    for path in made.save(out, force):
        _say(str(path))


def detect(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Audio or video files."),
    ],
) -> None:
    """Print the mark of synthetic audio in the metadata of files.

    The exit status is 2 if no file has one, and 1 if a file cannot be read; the others are read all the same. A file
    without the mark may still be synthetic, since editing and sending can remove metadata.

    Example:

      nuanced-speech detect out.wav
    """
    from nuanced_speech import audio

    marked = unread = 0
    for path in files:
        try:
            mark = audio.synthetic_mark(path)
        except UserError as error:
            console.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
            unread += 1
            continue
        marked += mark is not None
        # the mark may come from anybody, so characters that control a terminal are replaced
        print(f"{path}: {''.join(c if c.isprintable() else '?' for c in mark or 'no mark')}")
    if unread or not marked:
        raise typer.Exit(1 if unread else 2)


def _consent(statement: str | None) -> str:
    """The statement that was given, or the answer to a question on the terminal.

    Raises:
        UserError: the statement is empty, the answer is not yes, or there is no terminal.
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
