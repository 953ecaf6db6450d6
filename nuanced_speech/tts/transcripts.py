"""Transcripts that come with recordings: texts beside them, LJSpeech's table, LibriSpeech's lists."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nuanced_speech.core.reading import read_text
from nuanced_speech.tts import ljspeech

BESIDE = (".txt", ".lab")
LIST = ".trans.txt"


@dataclass(frozen=True)
class Transcripts:
    """Texts by recording, and the files that they are from."""

    texts: dict[Path, str]
    sources: frozenset[Path]


def find(paths: Iterable[Path]) -> Transcripts:
    """Transcripts among the files of a folder.

    For ``a/b.wav`` these are ``a/b.txt`` and ``a/b.lab`` (the whole file), a line ``b TEXT`` in an ``a/*.trans.txt``,
    and a row ``b|text`` of ``a/metadata.csv`` or of the one beside ``a`` where ``a`` is called ``wavs``. The text
    beside the recording counts before the others. LibriSpeech's capitals become small letters.

    Raises:
        UserError: a table or a text that is not UTF-8 or not of its format.
    """
    paths = list(paths)
    names = {path.name for path in paths}
    tables: dict[Path, dict[str, str]] = {}
    sources: set[Path] = set()
    for path in paths:
        if path.name == ljspeech.METADATA:
            rows = {row.id: row.text for row in ljspeech.read(path.parent)}
            for folder in (path.parent, path.parent / ljspeech.WAVS):
                tables[folder] = rows | tables.get(folder, {})
            sources.add(path)
        elif path.name.endswith(LIST):
            lines = (line.partition(" ") for line in _text(path).splitlines() if line.strip())
            tables[path.parent] = tables.get(path.parent, {}) | {name: _lower(text) for name, _, text in lines}
            sources.add(path)
    texts: dict[Path, str] = {}
    for path in paths:
        if path.suffix.lower() in BESIDE:
            continue
        beside = next(
            (path.with_suffix(s) for s in BESIDE if f"{path.stem}{s}" in names and path.with_suffix(s).is_file()), None
        )
        if beside:
            sources.add(beside)
            text = _text(beside)
        else:
            text = tables.get(path.parent, {}).get(path.stem, "")
        if text.strip():
            texts[path] = " ".join(text.split())
    return Transcripts(texts, frozenset(sources))


def _lower(text: str) -> str:
    """Plain writing of a text in capitals."""
    if any(c.islower() for c in text):
        return text
    return re.sub(r"\bi\b(?!\.)", "I", text.lower())


def _text(path: Path) -> str:
    return read_text(path, "a transcript", "save this transcript as UTF-8 text")
