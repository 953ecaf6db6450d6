"""Settings beside the shards that a command makes: a later run adds to these, and only with the same settings."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from nuanced_speech.core.files import replacing, sha256
from nuanced_speech.core.reading import read_object
from nuanced_speech.train.checkpoint import check_same, fingerprint

log = logging.getLogger(__name__)
SETTINGS = "shard_settings.json"
REMEDY = "restore them or give another folder"


def keep_settings(
    folder: Path,
    settings: dict[str, str],
    *patterns: str,
    unnamed: Mapping[str, str] | None = None,
    part: str | None = None,
) -> None:
    """Write the settings of a folder's first shards, or compare them with those of the shards that are there.

    Shards of an earlier version have no settings beside them, and are used as they are.

    Args:
        folder: folder of the shards.
        settings: all that shapes a shard, as text.
        patterns: names of the shards, such as ``shard-*.safetensors``.
        unnamed: what settings were before there was a choice, for folders of that time.
        part: name of these shards in a folder with several kinds, each of which has settings of its own.

    Raises:
        UserError: names each setting that differs, and what to do.
    """
    name = SETTINGS if part is None else f"{part}-{SETTINGS}"
    path = folder / name
    if any(next(folder.glob(pattern), None) for pattern in patterns):
        if path.exists():
            saved = read_object(path, "the settings of a folder's shards", "remove the folder and make it again")
            check_same(folder, saved, settings, unnamed, REMEDY)
        else:
            log.warning("%s has no %s: its shards are used as they are, whatever made them", folder, name)
        return
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def files_setting(paths: Sequence[Path]) -> str:
    """Files as a setting: their number and a checksum of their bytes."""
    return f"{len(paths)} files {sha256(paths)[:16]}"


def recordings_setting(paths: Sequence[Path], folder: Path) -> str:
    """Recordings below a folder as a setting: their number and a checksum of their names and sizes."""
    present = [path for path in paths if path.exists()]
    files = [f"{path.relative_to(folder).as_posix()} {path.stat().st_size}" for path in present]
    return f"{len(files)} files {fingerprint(chr(10).join(files).encode())}"
