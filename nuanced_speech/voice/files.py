"""Files of a voice: the names they may have, and how they are written and read."""

import json
import re
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.files import check_makeable, check_replaceable, make_folder, replacing
from nuanced_speech.voice.adaptation import DecoderAdaptation
from nuanced_speech.voice.frames import VoiceFrames
from nuanced_speech.voice.provenance import Provenance, Source
from nuanced_speech.voice.stock import NAME, PACK_SUFFIXES, read_pack, stock_voices

LONGEST_NAME = 100
_KEY = "nuanced_speech_voice"
_DECODER = "decoder"


def check_name(name: str) -> None:
    """Check that a new voice may have this name.

    Raises:
        UserError: the name has characters other than letters, digits, hyphens and underscores, or is a stock voice's.
    """
    if not re.fullmatch(NAME, name) or len(name) > LONGEST_NAME:
        raise UserError(f"{name!r} cannot be a voice's name: a letter first, then letters, digits, - and _")
    if name in stock_voices():
        raise UserError(f"{name} is a stock voice: choose another name")


def check_free(name: str, folder: Path, force: bool) -> None:
    """Check that no voice would be overwritten.

    Raises:
        UserError: the folder has a voice of this name, and ``force`` is false.
    """
    paths = [folder / f"{name}{suffix}" for suffix in PACK_SUFFIXES]
    taken = next((path for path in paths if path.exists()), None)
    if taken and not force:
        raise UserError(f"{taken} is there already: choose another `name`, or `force` to overwrite it")


def check_writable(name: str, folder: Path) -> None:
    """Check that a voice can be written to a folder, which need not be there, before long work.

    Raises:
        UserError: it cannot.
    """
    check_makeable(folder)
    if folder.exists():
        for suffix in PACK_SUFFIXES:
            check_replaceable(folder / f"{name}{suffix}")


def write_voice(
    folder: Path,
    name: str,
    pack: Tensor,
    provenance: Provenance,
    force: bool,
    adaptation: DecoderAdaptation | None = None,
    frames: VoiceFrames | None = None,
) -> list[Path]:
    """Write a voice in three formats, all or none; ``Voice.save`` has the details.

    Raises:
        UserError: as ``check_name`` and ``check_free``, or a folder that cannot be written.
    """
    check_name(name)
    check_free(name, folder, force)
    make_folder(folder)
    paths = [folder / f"{name}{suffix}" for suffix in PACK_SUFFIXES]
    pack = pack.detach().cpu().float().reshape(-1, 1, pack.shape[-1]).contiguous()
    with ExitStack() as stack:
        for path in paths:
            temporary = stack.enter_context(replacing(path))
            if path.suffix == ".pt":
                torch.save(pack, temporary)
            elif path.suffix == ".npz":
                # not np.savez, whose own keyword arguments cannot be names of arrays
                with ZipFile(temporary, "w") as archive, archive.open(f"{name}.npy", "w") as entry:
                    np.lib.format.write_array(entry, pack.numpy(), allow_pickle=False)
            else:
                more = {} if adaptation is None else {_DECODER: adaptation.decoder}
                metadata = {_KEY: json.dumps({"name": name, **asdict(provenance), **more}, ensure_ascii=False)}
                tensors = {"voice": pack}
                for part in (adaptation, frames):
                    tensors |= {} if part is None else part.tensors()
                temporary.write_bytes(to_bytes(tensors, metadata))
    return paths


def read_voice(path: Path) -> tuple[str, Tensor, Provenance, DecoderAdaptation | None, VoiceFrames | None]:
    """Name, pack ``[510, 256]``, provenance, adaptation and frames of a voice file.

    The name is the file's where the file tells none.

    Raises:
        UserError: no voice pack, or a header that is damaged.
    """
    pack, header = read_pack(path), _header(path)
    if not header:
        return path.stem, pack, Provenance(), None, None
    with reading(path, "a voice whose origin can be read", "save the voice again"):
        sources = tuple(Source(**source) for source in header.pop("sources"))
        name, decoder = header.pop("name"), header.pop(_DECODER, "")
        texts = {k: v for k, v in header.items() if k != "attributes"}
        if not all(isinstance(value, str) for value in (name, decoder, *texts.values())):
            raise TypeError("not text where text belongs")
        attributes = {str(k): float(v) for k, v in header.get("attributes", {}).items()}
        provenance = Provenance(sources=sources, **texts, attributes=attributes)
    with reading(path, "a voice whose numbers for a fast decoder can be read", "clone the voice again"):
        tensors = load_file(path)
        adaptation = DecoderAdaptation.from_tensors(tensors, decoder)
        return name, pack, provenance, adaptation, VoiceFrames.from_tensors(tensors)


def _header(path: Path) -> dict[str, Any]:
    """Name and provenance in the header of a file that ``write_voice`` wrote; empty for any other file."""
    if path.suffix != ".safetensors":
        return {}
    with reading(path, "a voice with a header that can be read", "save the voice again"), safe_open(path, "pt") as file:
        header = json.loads((file.metadata() or {}).get(_KEY, "{}"))
    return header if isinstance(header, dict) else {}
