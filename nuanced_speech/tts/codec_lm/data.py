"""An LJSpeech-style data set as text and codes, the codes computed once."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from nuanced_speech import audio
from nuanced_speech.errors import UserError
from nuanced_speech.tts.codec import interface
from nuanced_speech.tts.codec.interface import AudioCodec

CODES = "codes.npz"


@dataclass
class Spoken:
    """One clip: its name, text and codes ``[K, F]``."""

    name: str
    text: str
    codes: Tensor

    @property
    def speaker(self) -> str:
        """Who speaks: what is before the first - or _ of the name, as in LibriSpeech; else all are one."""
        return self.name.replace("_", "-").partition("-")[0] if "-" in self.name or "_" in self.name else ""


def read_metadata(folder: Path) -> list[tuple[str, str]]:
    """Names and texts of ``metadata.csv``, lines of ``ID|text|normalised text``; the normalised one where there is one.

    Raises:
        UserError: no such file, or a line that is not of that form, or a recording that is not there.
    """
    path = folder / "metadata.csv"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; make a data set with: tts prepare IN OUT") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: save it as UTF-8") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, *texts = (part.strip() for part in line.split("|"))
        if not name or not texts or not texts[-1]:
            raise UserError(f"{path}, line {number}: not of the form ID|text|normalised text")
        if Path(name).name != name:
            raise UserError(f"{path}, line {number}: {name!r} is not a file name without its folder")
        if not (folder / "wavs" / f"{name}.wav").is_file():
            raise UserError(f"{path}, line {number}: there is no wavs/{name}.wav")
        rows.append((name, texts[-1]))
    if not rows:
        raise UserError(f"{path} is empty: a line a recording, ID|text|normalised text")
    return rows


def load(folder: Path, codec: AudioCodec, codebooks: int, out: Path) -> list[Spoken]:
    """All clips of a data set with their codes, which are kept in ``out``.

    Raises:
        UserError: the data set is not what it should be, or ``out`` keeps the codes of another.
    """
    rows = read_metadata(folder)
    sizes = "\n".join(f"{name} {(folder / 'wavs' / f'{name}.wav').stat().st_size}" for name, _ in rows)
    key = f"{interface.fingerprint(codec)} {codebooks} {hashlib.sha256(sizes.encode()).hexdigest()}"
    path = out / CODES
    if path.is_file():
        with np.load(path, allow_pickle=False) as file:
            if str(file["key"]) != key:
                raise UserError(f"{path} keeps the codes of other recordings or another codec: give another --out")
            codes = [torch.from_numpy(file[f"codes_{number}"].astype(np.int64)) for number in range(len(rows))]
    else:
        codes = []
        for name, _ in tqdm(rows, "encoding", unit="clip"):
            wave = audio.read(folder / "wavs" / f"{name}.wav", codec.sample_rate)
            codes.append(interface.encode(codec, torch.from_numpy(wave))[:codebooks])
        arrays = {f"codes_{number}": item.numpy().astype(np.int16) for number, item in enumerate(codes)}
        with audio.replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, key=np.array(key), **arrays)  # type: ignore[arg-type]
    return [Spoken(name, text, item) for (name, text), item in zip(rows, codes, strict=True)]
