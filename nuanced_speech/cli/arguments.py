"""Options that several commands have."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuanced_speech.core.errors import UserError

if TYPE_CHECKING:
    from nuanced_speech.text.dictionary import Dictionary as Pronunciations

STANDARD = "-"
"""Name of standard input and output."""

Device = Annotated[str, typer.Option(help="Device: cpu, cuda, cuda:1 ….")]
Whisper = Annotated[str, typer.Option(help="Whisper model for transcripts: tiny.en, base, small, turbo ….")]
SynthesisSeed = Annotated[int, typer.Option(help="Random seed. The same seed gives the same file.")]
Decoder = Annotated[
    str,
    typer.Option(
        metavar="kokoro|fast|FILE",
        help="Decoder that makes the sound: kokoro; fast, which takes a tenth of the time and sounds less clean; or "
        "weights of a fast decoder of your own training (train decoder).",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Number of a folder's recordings, of one recording's segments, or of a text's utterances that are made "
        "at the same time; without batches, each on its part of the threads. If omitted: up to 4 by the number of "
        "threads, 16 with batches; 1 for a worker of --engine ray on processors, for a text on standard output, and "
        "for one recording or text without batches, unless it is a book, or goes into an audiobook or --chapters, or "
        "is spoken with --resume.",
    ),
]
BatchSeconds = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="Longest sound that the decoder makes at once for recordings or sentences under way; 0 for no batches. "
        "If omitted: 60 on a GPU; 0 on processors and where one is made at a time.",
    ),
]
Consent = Annotated[
    str | None,
    typer.Option(
        metavar="STATEMENT",
        help="Consent of the speaker of a recording that is the voice, in words: who agreed to what. The voice is made "
        "for this once; nuanced-speech clone makes one that stays.",
    ),
]
VoiceFolder = Annotated[Path, typer.Option(metavar="DIR", help="Folder for the voice. --voice NAME looks in voices/.")]
Dictionary = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Pronunciations of your own: a text file with a word, a tab, and IPA (/kˈOkəɹO/) or a respelling a line.",
    ),
]
Loudness = Annotated[
    str,
    typer.Option(
        metavar="LUFS|source",
        help="Loudness of the output by ITU-R BS.1770: -23, -16 or another number of LUFS, or source for no change.",
    ),
]


def lufs(loudness: str) -> float | None:
    """The number of an option ``Loudness``; None for ``source``.

    Raises:
        UserError: neither.
    """
    if loudness == "source":
        return None
    try:
        target = float(loudness)
    except ValueError:
        raise UserError(f"loudness {loudness}: give a number of LUFS, such as -23, or source") from None
    from nuanced_speech.audio.loudness import check_loudness

    check_loudness(target)
    return target


def pronunciations_of(dictionary: Path | None) -> "Pronunciations | None":
    """What a file of pronunciations says.

    Raises:
        UserError: it cannot be read.
    """
    if dictionary is None:
        return None
    from nuanced_speech.text.dictionary import read_dictionary

    return read_dictionary(dictionary)
