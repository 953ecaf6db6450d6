"""What a benchmark is run on: recordings by speaker, with their words where they are known."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from nuanced_speech.audio import SEARCHED_SUFFIXES, recordings_in
from nuanced_speech.errors import UserError

TRANSCRIPTS = "transcripts.tsv"


@dataclass(frozen=True)
class Recording:
    """A file, its name among the others, who speaks in it, and what is said (None where it is not known)."""

    path: Path
    name: str
    speaker: str
    text: str | None = None


def find_recordings(folder: Path, but: Path | None = None) -> dict[str, list[Recording]]:
    """Recordings below ``folder``, except for those below ``but``, by speaker, in order of their names.

    A speaker is a folder, or, of files that lie in ``folder`` itself, the part of the name before the first hyphen.
    ``transcripts.tsv`` there may hold columns ``path`` and ``text``.

    Raises:
        UserError: no such folder, no recording in it, a table without these columns or about other files.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of recordings")
    texts = _transcripts(folder / TRANSCRIPTS)
    speakers: dict[str, list[Recording]] = defaultdict(list)
    for path in recordings_in(folder):
        if but and path.resolve().is_relative_to(but.resolve()):
            continue
        name = path.relative_to(folder)
        speaker = name.parts[0] if len(name.parts) > 1 else name.stem.split("-")[0]
        text = texts.pop(name.as_posix(), None)
        speakers[speaker].append(Recording(path, "-".join(name.parts).replace(".", "-"), speaker, text))
    if not speakers:
        raise UserError(f"{folder}: no recordings there (looked for {', '.join(sorted(SEARCHED_SUFFIXES))})")
    if texts:
        raise UserError(f"{folder / TRANSCRIPTS}: {next(iter(texts))} is not a recording in {folder}")
    return dict(speakers)


def _transcripts(table: Path) -> dict[str, str]:
    if not table.is_file():
        return {}
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{table}: cannot be read as UTF-8 text ({error})") from error
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    if not {"path", "text"} <= set(rows.fieldnames or ()):
        raise UserError(f"{table}: needs the columns path and text, separated by tabs")
    return {row["path"]: row["text"] for row in rows}
