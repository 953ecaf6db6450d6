"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Device = Annotated[str, typer.Option(help="Device: cpu, cuda, cuda:1 ….")]
Whisper = Annotated[str, typer.Option(help="Whisper model for transcripts: tiny.en, base, small, turbo ….")]
SynthesisSeed = Annotated[int, typer.Option(help="Random seed. The same seed gives the same file.")]
VoiceFolder = Annotated[Path, typer.Option(metavar="DIR", help="Folder for the voice. --voice NAME looks in voices/.")]
Dictionary = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Pronunciations of your own: a text file with a word, a tab, and IPA (/kˈOkəɹO/) or a respelling a line.",
    ),
]
