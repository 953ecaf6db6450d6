"""A user's own voices: a folder of voice packs, those in safetensors with what is known of their making."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from nuanced_speech.audio import replacing
from nuanced_speech.errors import UserError
from nuanced_speech.style.voices import PACK_ROWS, PACK_SUFFIXES, STYLE_DIM, read_pack, stock_voices, voice_pack

FOLDER = Path("voices")


def check_name(name: str) -> str:
    """A name that can be a voice's and a file's.

    Raises:
        UserError: it is not, or a stock voice has it.
    """
    if not re.fullmatch(r"[\w][\w.-]*", name) or name.endswith(PACK_SUFFIXES):
        raise UserError(f"{name!r} cannot be a voice's name: use letters, digits, - and _")
    if name in stock_voices():
        raise UserError(f"{name} is one of Kokoro's stock voices: choose another name")
    return name


def save(path: Path, pack: Tensor, metadata: Mapping[str, str]) -> None:
    """Write a voice pack ``[510, 256]`` as safetensors, with what is known of it and the date."""
    with replacing(path) as temporary:
        tensors = {"pack": pack.reshape(PACK_ROWS, STYLE_DIM).float().contiguous()}
        save_file(tensors, temporary, {"date": date.today().isoformat(), **metadata})


def provenance(path: Path) -> dict[str, str]:
    """What a voice pack file says of itself; nothing where its format has no place for that."""
    if path.suffix != ".safetensors":
        return {}
    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError):
        return {}


def own_voices(folder: Path = FOLDER) -> dict[str, Path]:
    """Voice pack files of a folder by name; of one voice in several formats the safetensors file."""
    files = sorted(path for path in folder.glob("*") if path.suffix in PACK_SUFFIXES)
    return {path.stem: path for path in sorted(files, key=lambda path: path.suffix == ".safetensors")}


def find_voice(name: str, folder: Path = FOLDER) -> tuple[Tensor, dict[str, str]]:
    """Pack ``[510, 256]`` and provenance of an own voice, a stock voice, a mixture or a voice pack file.

    Raises:
        UserError: as ``voice_pack``.
    """
    own = own_voices(folder)
    path = own.get(name) or (Path(name) if name.endswith(PACK_SUFFIXES) else None)
    if path is not None:
        return read_pack(path), provenance(path)
    try:
        return voice_pack(name), {"kind": "stock" if name in stock_voices() else "mixture"}
    except UserError as error:
        mine = f"; {folder} has {', '.join(own)}" if own else ""
        raise UserError(f"{error}{mine}") from None
