"""``nuanced-speech convert``: recordings in another voice, or with other words."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nuanced_speech.cli.archive import (
    ArchiveEngine,
    EngineOption,
    Gpus,
    ShardOption,
    Workers,
    convert_folder,
    failure_of,
)
from nuanced_speech.cli.arguments import (
    STANDARD,
    BatchSeconds,
    Decoder,
    Device,
    Dictionary,
    Jobs,
    Loudness,
    SynthesisSeed,
    Whisper,
    lufs,
    pronunciations_of,
)
from nuanced_speech.cli.checks import find_models
from nuanced_speech.cli.conversion_report import report_conversion, report_name
from nuanced_speech.cli.options import in_options
from nuanced_speech.cli.progress import Advance, bar
from nuanced_speech.cli.work import Work, work_of
from nuanced_speech.core.errors import NoSpeechError, UserError

if TYPE_CHECKING:
    from nuanced_speech.convert.options import ConversionOptions
    from nuanced_speech.convert.resumable import AnyConverter
    from nuanced_speech.core.progress import Progress

console = Console(stderr=True)


Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="IN... OUT",
        help="One recording and the file to write (WAV, FLAC, OGG, Opus, MP3 or M4A by its name), several recordings "
        "and a folder, or a folder and another, which gets the same sub-folders. - is standard input or output (WAV "
        "unless --format says otherwise). Recordings are WAV, FLAC, OGG, MP3, M4A, videos or another format that "
        "FFmpeg reads, of any rate, any number of channels and any length. A video can be written as a video with the "
        "new sound.",
    ),
]
Voice = Annotated[
    str | None,
    typer.Option(
        help="Voice of the output: a stock voice (af_heart), one of your own in voices/, a mix "
        "(af_heart:0.7,bm_george:0.3), a voice pack file (.pt, .safetensors, .npz) or a recording. The input's own "
        "voice if omitted."
    ),
]
Keep = Annotated[
    str, typer.Option(help="Features of the source to keep, separated by commas. Kokoro makes up the others.")
]
Way = Annotated[
    str, typer.Option(help="Path: direct (no text), text (transcript and phonemes), or auto (text if possible).")
]
Text = Annotated[str | None, typer.Option(help="Other words to speak, in the source's voice and manner.")]
TextLanguage = Annotated[
    str | None,
    typer.Option(help="Language of --text (en, fr, …). Detected if omitted; of a short text, that of the voice."),
]
PitchShift = Annotated[
    float, typer.Option(metavar="SEMITONES", help="Interval by which the melody is raised, or lowered if negative.")
]
Language = Annotated[
    str | None,
    typer.Option(help="Source language (en, fr, …). Detected if omitted, except that --path direct assumes en."),
]
Refine = Annotated[
    int,
    typer.Option(
        metavar="STEPS",
        help="Steps of gradient descent through the synthesizer that bring the voice nearer to its recording. The "
        "expected time is printed first (30 steps: a minute or two on two cores). If five steps show that Kokoro made "
        "the recording, the search is for its exact style.",
    ),
]
More = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="RECORDING",
        help="Another recording of the output's voice (the input's own, or that of --voice RECORDING), for more "
        "likeness. May be repeated.",
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder for a report: NAME.json (transcripts, word errors, correlations, speed, places where two people "
        "speak at once) and NAME.png (plots).",
    ),
]
Channel = Annotated[
    int | None,
    typer.Option(metavar="N", help="Channel of the recording, counted from 1. All channels, mixed, if omitted."),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Exit status 3 for a recording without speech, which becomes silence otherwise."),
]
Format = Annotated[
    str | None,
    typer.Option(
        metavar="wav|flac|ogg|…", help="Format of the outputs in a folder, or of standard output. WAV if omitted."
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Keeping of finished segments in OUT.work until the output is whole: the same command goes on where it "
        "was broken off. For recordings of many minutes.",
    ),
]


def convert(
    files: Files,
    voice: Voice = None,
    keep: Keep = "f0,rhythm,energy",
    path: Way = "auto",
    text: Text = None,
    text_language: TextLanguage = None,
    pitch_shift: PitchShift = 0.0,
    whisper: Whisper = "base",
    language: Language = None,
    dictionary: Dictionary = None,
    refine: Refine = 0,
    more: More = None,
    format: Format = None,
    shard: ShardOption = None,
    engine: EngineOption = "local",
    workers: Workers = None,
    gpus: Gpus = None,
    jobs: Jobs = None,
    batch_seconds: BatchSeconds = None,
    resume: Resume = False,
    decoder: Decoder = "kokoro",
    seed: SynthesisSeed = 0,
    device: Device = "cpu",
    report: Report = None,
    channel: Channel = None,
    loudness: Loudness = "source",
    strict: Strict = False,
) -> None:
    """Speak a recording again: its words, melody, rhythm and loudness, in its own voice or another.

    Examples:

      nuanced-speech convert in.wav out.wav

      nuanced-speech convert in.mp3 out.flac --voice af_heart:0.7,bm_george:0.3 --report report/

      nuanced-speech convert in.wav out.wav --text "Quite another sentence."

      nuanced-speech convert one.wav two.wav three.wav converted/ --voice my_voice.pt

      nuanced-speech convert recordings/ converted/ --format flac --shard 1/2

      nuanced-speech convert - - < in.wav | aplay
    """
    work = _work(files, format, shard, report, resume)
    spread = ArchiveEngine(engine, workers, gpus, jobs, batch_seconds)
    spread.check(work.folder)
    from nuanced_speech.convert.options import ConversionOptions

    options = ConversionOptions(
        voice=voice, keep=_names(keep), path=path, text=text, text_language=text_language, pitch_shift=pitch_shift,
        language=language, refine=refine, more=tuple(more or ()), seed=seed, strict=strict, channel=channel,
        dictionary=pronunciations_of(dictionary), loudness=lufs(loudness),
    )  # fmt: skip
    converter = _checked_converter(work, options, spread, device, whisper, report is not None, resume, decoder)
    if work.folder is not None:
        convert_folder(converter, work.folder, work.out, options, work.suffix, shard, spread, resume, decoder)
    else:
        (_convert_piped if work.piped else _convert_all)(converter, work, options, report)


def _work(files: list[Path], format: str | None, shard: str | None, report: Path | None, resume: bool) -> Work:
    """What the names mean, of which a report and resuming are possible if they are asked for.

    Raises:
        UserError: as ``work_of``; a report of a folder, or a pipe that is to be resumed.
    """
    work = work_of(files, format, shard)
    _check_report(report, work)
    if resume and work.piped:
        raise UserError("resume: what is kept lies beside a file: name the recording and the output")
    return work


def _names(keep: str) -> tuple[str, ...]:
    """Names of features, separated by commas."""
    return tuple(part.strip() for part in keep.split(",") if part.strip() and part.strip() != "none")


def _checked_converter(
    work: Work,
    options: "ConversionOptions",
    spread: ArchiveEngine,
    device: str,
    whisper: str,
    reported: bool,
    resume: bool,
    decoder: str,
) -> "AnyConverter":
    """What converts, made after everything was checked that can be wrong.

    Raises:
        UserError: names, outputs or models that there are not.
    """
    from nuanced_speech.convert.converter import Converter
    from nuanced_speech.convert.resumable import ResumableConverter
    from nuanced_speech.core.device import check_device
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.models.decoder import load_decoder
    from nuanced_speech.models.whisper import check_size

    if spread.name == "local":  # the machine that sends the work may have none
        check_device(device)
    check_size(whisper)
    work.check(resume)
    _check_inputs(work, options)
    find_models(*([whisper] if options.chosen_path != "direct" or reported else []))
    models = ModelBank(device, whisper)
    sounding = spread.decoder(load_decoder(decoder, models), work.folder, device)
    converter = Converter(models, decoder=sounding, spread=spread.within(work.folder, device))
    return ResumableConverter(converter) if resume else converter


def _check_inputs(work: Work, options: "ConversionOptions") -> None:
    """Find a mistake in a name before models are loaded, which takes longer.

    Raises:
        UserError: an unknown voice, or a recording that is not there; of several to convert, one may be missing.
    """
    from nuanced_speech.convert.options import is_recording
    from nuanced_speech.voice.voice import Voice as LoadedVoice

    recordings = [*options.more]
    if options.voice is not None:
        if is_recording(options.voice):
            recordings.append(str(options.voice))
        else:
            LoadedVoice.load(options.voice)
    if len(work.jobs) == 1 and str(work.jobs[0][0]) != STANDARD:
        recordings.insert(0, work.jobs[0][0])
    for recording in recordings:
        if not Path(recording).exists():
            raise UserError(f"{recording} does not exist: check the name")


def _check_report(report: Path | None, work: Work) -> None:
    if report is None:
        return
    if work.folder is not None:
        raise UserError("a report is of single recordings: leave out --report, or give the recordings by their names")
    from nuanced_speech.cli.checks import check_report
    from nuanced_speech.evaluate.report import paths

    check_report(report, [path for _, output in work.jobs for path in paths(report, report_name(output))])


def _convert_all(converter: "AnyConverter", work: Work, options: "ConversionOptions", report: Path | None) -> None:
    failed, silent, jobs = 0, 0, work.jobs
    for source, output in jobs:
        try:
            _convert_one(converter, source, output, options, report)
        except UserError as error:
            if len(jobs) == 1:
                raise
            # one bad file among many must not cost the others
            message = in_options(str(error), {name: f"--{name.replace('_', '-')}" for name in vars(options)})
            console.print(f"error: {message}", style="red", markup=False, highlight=False)
            failed += 1
            silent += isinstance(error, NoSpeechError)
    if failed:
        folder = jobs[-1][1].parent
        raise failure_of(failed, silent)(
            f"{failed} of {len(jobs)} recordings were not converted; the others are in {folder}"
        )


def _convert_one(
    converter: "AnyConverter", source: Path, output: Path, options: "ConversionOptions", report: Path | None
) -> None:
    with bar(source.name) as advance:
        progress, made = _progress_of(advance)
        conversion = converter.convert(source, options, output=output, progress=progress, made=made)
    speed = f"{conversion.path} path, {conversion.rtf:.2f} x the recording's length"
    console.print(f"{output}: {speed}", markup=False, highlight=False)
    if report is not None and conversion.path != "none":
        from nuanced_speech import audio

        report_conversion(converter, conversion, audio.read(output), report_name(output), options, report)


def _progress_of(advance: Advance) -> "tuple[Progress, Progress]":
    """What moves a bar with the share that is done, and with the seconds of sound that are made."""
    done = 0.0

    def progress(share: float) -> None:
        nonlocal done
        done = share
        advance(share)

    return progress, lambda seconds: advance(done, seconds)


def _convert_piped(converter: "AnyConverter", work: Work, options: "ConversionOptions", report: Path | None) -> None:
    """Convert from standard input, to standard output, or both."""
    from nuanced_speech.cli.piping import standard_input, write_out

    ((source, output),) = work.jobs
    with standard_input() if str(source) == STANDARD else nullcontext(source) as recording:
        if str(output) != STANDARD:
            _convert_one(converter, recording, output, options, report)
            return
        with bar(recording.name) as advance:
            progress, made = _progress_of(advance)
            conversion = converter.convert(recording, options, progress=progress, made=made)
        write_out(conversion.audio, work.suffix, conversion.comment)
        if report is not None and conversion.path != "none":
            report_conversion(converter, conversion, conversion.audio, report_name(output), options, report)
