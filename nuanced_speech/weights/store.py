"""The cache of converted models: NAME.safetensors beside NAME.json, which has its origin and its sha256."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from nuanced_speech.core.cache import cache_folder
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.files import sha256

if TYPE_CHECKING:
    import numpy as np

_DAY = 24 * 3600


@dataclass(frozen=True)
class ModelManifest:
    """Origin, sum and size in bytes of one stored file."""

    name: str
    source: str
    source_sha256: str
    sha256: str
    bytes: int
    date: str


def path(name: str) -> Path:
    """Where the model ``name`` is kept, present or not."""
    return cache_folder() / f"{name}.safetensors"


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A temporary folder inside the cache for work on ``name``. It is removed afterwards, after an error too.

    Raises:
        UserError: the cache cannot be written.
    """
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        for leftover in cache_folder().glob(f".{name}-*"):  # of a process that was killed
            if time.time() - leftover.stat().st_mtime > _DAY:
                shutil.rmtree(leftover, ignore_errors=True)
        temporary = tempfile.TemporaryDirectory(prefix=f".{name}-", dir=cache_folder(), ignore_cleanup_errors=True)
    except OSError as error:
        raise _unwritable(error) from None
    with temporary as path_of_temporary:
        yield Path(path_of_temporary)


def write(
    name: str,
    state: Mapping[str, np.ndarray],
    dims: Mapping[str, int] | None,
    source: str,
    source_sha256: str,
    temporary: Path,
) -> Path:
    """Store a model: written whole in the folder ``temporary`` (from ``scratch``), then moved to its name in one step.

    Raises:
        UserError: the cache cannot be written.
    """
    # numpy is slow to import, and --help needs this module
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    metadata = {"source": source, "source_sha256": source_sha256}
    if dims is not None:
        metadata["dims"] = json.dumps(dict(dims))
    model, sheet = temporary / "model.safetensors", temporary / "manifest.json"
    try:
        save_file({key: np.ascontiguousarray(value) for key, value in state.items()}, model, metadata)
        date = datetime.now(timezone.utc).isoformat(timespec="seconds")
        manifest = ModelManifest(name, source, source_sha256, sha256([model]), model.stat().st_size, date)
        sheet.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
        model.chmod(sheet.stat().st_mode & 0o777)  # written for the owner alone, while a cache may be shared
        # the manifest first, so that a model is never without one
        os.replace(sheet, path(name).with_suffix(".json"))
        os.replace(model, path(name))
    except (OSError, SafetensorError) as error:
        raise _unwritable(error) from None
    return path(name)


def _unwritable(error: Exception) -> UserError:
    reason = getattr(error, "strerror", None) or error
    return UserError(
        f"cannot write to the cache folder {cache_folder()} ({reason}): make room, or set NUANCED_SPEECH_CACHE"
    )


def manifest(name: str) -> ModelManifest:
    """The manifest of a stored model.

    Raises:
        UserError: the model is not stored, or its manifest is missing or unreadable.
    """
    if not path(name).is_file():
        raise UserError(f"{name} is not in the cache folder {cache_folder()}: run nuanced-speech models pull {name}")
    sheet = path(name).with_suffix(".json")
    remedy = f"it is missing or unreadable: delete {path(name)}, and {name} is fetched again"
    with reading(sheet, "a manifest", remedy):
        manifest = ModelManifest(**json.loads(sheet.read_text(encoding="utf-8")))
        if not isinstance(manifest.bytes, int) or not isinstance(manifest.sha256, str):
            raise TypeError("not a manifest")
        return manifest


def check_size(name: str) -> None:
    """Check a stored model's size, which is quick enough for every use.

    Raises:
        UserError: the file is shorter or longer than it was when it was stored.
    """
    expected, size = manifest(name).bytes, path(name).stat().st_size
    if size != expected:
        raise UserError(
            f"{path(name)} is damaged ({size} bytes, expected {expected}): delete it, and {name} is fetched again"
        )


def verify(name: str) -> ModelManifest:
    """Compute a stored model's sha256 again and compare it with the manifest's.

    Raises:
        UserError: the model is not stored, has no manifest, or differs (the message has both sums).
    """
    expected = manifest(name)
    actual = sha256([path(name)])
    if actual != expected.sha256:
        raise UserError(
            f"{path(name)} is damaged: sha256 {actual}, expected {expected.sha256};"
            f" delete it, and {name} is fetched again"
        )
    return expected


def stored() -> list[str]:
    """Names of the models in the cache."""
    return sorted(file.stem for file in cache_folder().glob("*.safetensors")) if cache_folder().is_dir() else []


def metadata(file: Path) -> dict[str, str]:
    """The header's text fields of a safetensors file.

    Raises:
        UserError: not a whole safetensors file.
    """
    from safetensors import safe_open

    with reading(file, "a whole safetensors file", "give another file"), safe_open(file, "np") as opened:
        return opened.metadata() or {}
