"""``nuanced-speech tts prepare``."""

from pathlib import Path
from typing import Annotated

import typer

Recordings = Annotated[
    Path,
    typer.Argument(
        metavar="IN",
        help="Folder of recordings, searched to the bottom: WAV, FLAC, OGG, MP3, M4A, the sound of videos and others; "
        "any rate, channels and length.",
    ),
]
WhisperSize = Annotated[
    str,
    typer.Option(help="Whisper size that transcribes: tiny.en, base, small, turbo … Larger ones make fewer errors."),
]
Language = Annotated[
    str | None, typer.Option(help="Language of the recordings: en, fr … Detected for each recording if omitted.")
]
MinSnr = Annotated[
    float, typer.Option(metavar="DB", help="Speech above the quietest moments; clips with less are noisy.")
]
Pad = Annotated[float, typer.Option(min=0, max=3, metavar="SECONDS", help="Silence before and after each clip.")]
Loudness = Annotated[float, typer.Option(min=-40, max=-12, metavar="DBFS", help="Level of the speech (gated RMS).")]


def prepare(
    recordings: Recordings,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the data set; made if it is not there.")],
    sample_rate: Annotated[int, typer.Option(min=8000, max=96000, metavar="HZ", help="Rate of the clips.")] = 22050,
    pad: Pad = 0.5,
    loudness: Loudness = -23.0,
    whisper: WhisperSize = "base",
    language: Language = None,
    check: Annotated[bool, typer.Option("--check", help="Compare given transcripts with Whisper's.")] = False,
    min_seconds: Annotated[float, typer.Option(min=0.2, help="Least speech in a clip.")] = 1.0,
    max_seconds: Annotated[float, typer.Option(help="Longest clip, its silence included; at most 28.")] = 12.0,
    min_snr: MinSnr = 15.0,
    min_rate: Annotated[float, typer.Option(help="Phonemes a second; what is slower is set aside.")] = 5.0,
    max_rate: Annotated[float, typer.Option(help="Phonemes a second; what is faster is set aside.")] = 22.0,
    workers: Annotated[int, typer.Option(min=1, help="Processes, one core each; about 1 GB of memory each.")] = 1,
) -> None:
    """Make a data set as LJSpeech's of a folder of recordings: cut, levelled, transcribed, looked over.

    OUT gets wavs/ID.wav (16 bits, mono), metadata.csv (ID|text|normalised text), rejected.csv (what was set aside, and
    why) and a report. Run again to go on where it was interrupted, or after recordings were added or changed.

    Transcripts that are there are kept: NAME.txt or NAME.lab beside NAME.wav, a metadata.csv (NAME|text), LibriSpeech's
    *.trans.txt. The transcript of a recording too long for one clip is divided among them by Whisper's transcripts.

    Examples:

      nuanced-speech tts prepare recordings/ dataset/

      nuanced-speech tts prepare audiobook/ dataset/ --whisper small --language fr --workers 4
    """
    from rich.console import Console

    from nuanced_speech.cli.progress import bar
    from nuanced_speech.tts.clips import PrepareConfig
    from nuanced_speech.tts.prepare import prepare as run
    from nuanced_speech.tts.quality_filters import QualityLimits

    limits = QualityLimits(
        min_seconds=min_seconds, max_seconds=max_seconds, min_snr=min_snr, min_rate=min_rate, max_rate=max_rate
    )
    config = PrepareConfig(recordings, out, sample_rate, pad, loudness, whisper, language, check, workers, limits)
    console = Console(stderr=True)
    with bar("preparing") as advance:
        outcomes, done = run(config, advance)
    clips = [clip for outcome in outcomes for clip in outcome.clips]
    rejected = sum(len(outcome.rejected) for outcome in outcomes)
    first = "nothing to do, all recordings are prepared" if done == 0 else f"{done} of {len(outcomes)} files prepared"
    console.print(
        f"{first}: {len(clips)} clips, {sum(clip.seconds for clip in clips) / 60:.1f} minutes; {rejected} set aside "
        f"({out / 'rejected.csv'})\nreport: {out / 'report.md'}",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
