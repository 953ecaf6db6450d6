"""An LJSpeech-style data set as text and codes, the codes computed once."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.numpy_files import read_arrays, text_of
from nuanced_speech.core.progress import step_bar
from nuanced_speech.tts import ljspeech
from nuanced_speech.tts.codec import interface
from nuanced_speech.tts.codec.interface import AudioCodec

CODES = "codes.npz"


@dataclass(frozen=True)
class CodedClip:
    """One clip: its name, text and codes ``[K, F]``."""

    name: str
    text: str
    codes: Tensor

    @property
    def speaker(self) -> str:
        """The part of the name before the first - or _, as in LibriSpeech; "" without one: all are one speaker."""
        return self.name.replace("_", "-").partition("-")[0] if "-" in self.name or "_" in self.name else ""


def load(folder: Path, codec: AudioCodec, codebooks: int, out: Path) -> list[CodedClip]:
    """All clips of a data set with their codes, which are kept in ``out``.

    Raises:
        UserError: the data set is not what it should be, or ``out`` keeps the codes of another.
    """
    rows = [(row.id, row.normalised) for row in ljspeech.read(folder)]
    for name, _ in rows:
        if not ljspeech.wav_path(folder, name).is_file():
            raise UserError(f"{folder}: there is no {ljspeech.WAVS}/{name}.wav, which {ljspeech.METADATA} names")
    sizes = "\n".join(f"{name} {ljspeech.wav_path(folder, name).stat().st_size}" for name, _ in rows)
    key = f"{interface.fingerprint(codec)} {codebooks} {hashlib.sha256(sizes.encode()).hexdigest()}"
    path = out / CODES
    if path.is_file():
        codes = kept_codes(path, key, len(rows))
    else:
        codes = []
        for name, _ in step_bar(rows, "encoding", unit="clip"):
            wave = audio.read(ljspeech.wav_path(folder, name), codec.sample_rate)
            codes.append(interface.encode(codec, torch.from_numpy(wave))[:codebooks])
        arrays = {f"codes_{number}": item.numpy().astype(np.int16) for number, item in enumerate(codes)}
        with audio.replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, key=np.array(key), **arrays)  # type: ignore[arg-type]
    return [CodedClip(name, text, item) for (name, text), item in zip(rows, codes, strict=True)]


def kept_codes(path: Path, key: str, clips: int) -> list[Tensor]:
    """The codes ``[K, F]`` of so many clips that ``load`` kept under a key.

    Raises:
        UserError: another key, or a file that is damaged.
    """
    what, remedy = "codes of a data set", "remove it, and the recordings are encoded again"
    arrays = read_arrays(path, what, remedy)
    with reading(path, what, remedy):
        if text_of(arrays["key"]) != key:
            raise UserError(f"{path} keeps the codes of other recordings or another codec: choose another folder")
        codes = [arrays[f"codes_{number}"] for number in range(clips)]
        if any(item.ndim != 2 or item.dtype.kind not in "iu" or item.min(initial=0) < 0 for item in codes):
            raise ValueError("codes are whole numbers in two dimensions")
    return [torch.from_numpy(item.astype(np.int64)) for item in codes]
