"""Recordings of a benchmark, by speaker, with their transcripts and emotions where a table has them."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from nuanced_speech.audio.io import SEARCHED_SUFFIXES, recordings_in
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.reading import read_text

# Names of the table of recordings, the first that exists.
SHEETS = ("transcripts.tsv", "clips.tsv")


@dataclass(frozen=True)
class EvaluationRecording:
    """A recording.

    Attributes:
        path: its file.
        name: its name, unique in the folder.
        speaker: the name of its speaker.
        text: transcript, None where it is not known.
        emotion: emotion that the speaker acts, None where it is not known.
    """

    path: Path
    name: str
    speaker: str
    text: str | None = None
    emotion: str | None = None


def find_recordings(folder: Path, but: Path | None = None) -> dict[str, list[EvaluationRecording]]:
    """Recordings below ``folder``, except for those below ``but``, by speaker, in order of their names.

    A speaker is a folder, or, of files that lie in ``folder`` itself, the part of the name before the first hyphen.
    ``transcripts.tsv`` or ``clips.tsv`` there may hold columns ``path`` and ``text`` or ``emotion`` or both.

    Raises:
        UserError: no such folder, no recording in it, a table without these columns or about other files.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of recordings")
    sheet = next((folder / name for name in SHEETS if (folder / name).is_file()), None)
    rows = _rows(sheet) if sheet else {}
    speakers: dict[str, list[EvaluationRecording]] = defaultdict(list)
    for path in recordings_in(folder):
        if but and path.resolve().is_relative_to(but.resolve()):
            continue
        name = path.relative_to(folder)
        speaker = name.parts[0] if len(name.parts) > 1 else name.stem.split("-")[0]
        row = rows.pop(name.as_posix(), {})
        flat = "-".join(name.parts).replace(".", "-")
        speakers[speaker].append(
            EvaluationRecording(path, flat, speaker, row.get("text") or None, row.get("emotion") or None)
        )
    if not speakers:
        raise UserError(f"{folder}: no recordings there (looked for {', '.join(sorted(SEARCHED_SUFFIXES))})")
    if rows:
        raise UserError(f"{sheet}: {next(iter(rows))} is not a recording in {folder}")
    return dict(speakers)


def _rows(table: Path) -> dict[str, dict[str, str]]:
    """Rows of a table by their path."""
    what, remedy = "a table of recordings", "give UTF-8 text with tabs between the columns"
    lines = read_text(table, what, remedy).splitlines()
    with reading(table, what, remedy):
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        columns = set(rows.fieldnames or ())
        if "path" not in columns or not columns & {"text", "emotion"}:
            raise UserError(f"{table}: needs the columns path and text or emotion, separated by tabs")
        return {row["path"]: row for row in rows if row["path"]}
