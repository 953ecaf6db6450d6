"""What a benchmark is run on: recordings by speaker, with their words where they are known."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from nuanced_speech.errors import UserError

SUFFIXES = {".wav", ".flac", ".ogg", ".mp3"}
TRANSCRIPTS = "transcripts.tsv"


@dataclass(frozen=True)
class Recording:
    """A file, who speaks in it, and what is said (None where it is not known)."""

    path: Path
    speaker: str
    text: str | None = None


def find_recordings(folder: Path) -> dict[str, list[Recording]]:
    """Recordings below ``folder`` by speaker, in order of their names.

    A speaker is a folder, or, of files that lie in ``folder`` itself, the part of the name before the first hyphen.
    ``transcripts.tsv`` there may hold columns ``path`` and ``text``.

    Raises:
        UserError: no such folder, no recording in it, or a table without these columns.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of recordings")
    texts = _transcripts(folder / TRANSCRIPTS)
    speakers: dict[str, list[Recording]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        name = path.relative_to(folder)
        speaker = name.parts[0] if len(name.parts) > 1 else name.stem.split("-")[0]
        speakers[speaker].append(Recording(path, speaker, texts.get(name.as_posix())))
    if not speakers:
        raise UserError(f"{folder}: no recordings there (looked for {', '.join(sorted(SUFFIXES))})")
    return dict(speakers)


def _transcripts(table: Path) -> dict[str, str]:
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if not {"path", "text"} <= set(rows.fieldnames or ()):
            raise UserError(f"{table}: needs the columns path and text, separated by tabs")
        return {row["path"]: row["text"] for row in rows}
