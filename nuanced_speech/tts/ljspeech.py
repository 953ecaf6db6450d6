"""Data sets as LJSpeech lays them out: ``wavs/ID.wav``, and ``metadata.csv`` with ``ID|text|normalised text``.

The table has no header and no quoting (Ito and Johnson 2017), so neither ``|`` nor a line break can be in a text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import replacing
from nuanced_speech.core.reading import read_text

METADATA = "metadata.csv"
WAVS = "wavs"


@dataclass(frozen=True)
class Row:
    """One clip: its name without folder and suffix, its text as written, and normalised."""

    id: str
    text: str
    normalised: str


def wav_path(folder: Path, clip: str) -> Path:
    """Where the audio of a clip is."""
    return folder / WAVS / f"{clip}.wav"


def read(folder: Path) -> list[Row]:
    """The rows of a data set; where a row has two columns, the text is also the normalised one.

    Raises:
        UserError: no table there, not UTF-8, or a line that is no row, with its number.
    """
    path = folder / METADATA
    remedy = f"make a data set with: nuanced-speech tts prepare RECORDINGS {folder}"
    lines = read_text(path, "a table of recordings", remedy).split("\n")
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        fields = [part.strip() for part in line.split("|")]
        if not 2 <= len(fields) <= 3 or not fields[0] or not fields[1]:
            raise UserError(f"{path}: line {number} is not ID|text or ID|text|normalised text")
        if Path(fields[0]).name != fields[0] or "\0" in fields[0]:
            raise UserError(f"{path}: line {number}: {fields[0]!r} is not a file name without its folder")
        rows.append(Row(fields[0], fields[1], fields[-1] or fields[1]))
    if not rows:
        raise UserError(f"{path} is empty: a line a recording, ID|text|normalised text")
    return rows


def write(folder: Path, rows: Iterable[Row]) -> None:
    """Write the table, whole or not at all.

    Raises:
        UserError: the folder cannot be written.
    """
    lines = ["|".join(one_line(part) for part in (row.id, row.text, row.normalised)) + "\n" for row in rows]
    with replacing(folder / METADATA) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8", newline="\n")


def one_line(text: str) -> str:
    """A text that fits into the table: white space made plain, ``|`` a comma, half a character (a lone surrogate) �."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join(whole.replace("|", ", ").split())
