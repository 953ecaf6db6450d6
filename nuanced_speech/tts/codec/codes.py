"""Codes in a file: an ``.npz`` with ``codes`` (codebooks, frames) and the data that decoding them needs."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import check_replaceable, replacing


@dataclass(frozen=True)
class Codes:
    """A coded recording.

    Attributes:
        codes: int64 ``[K, F]``.
        samples: length of the recording at ``sample_rate``.
        sample_rate: Hz, the codec's.
        codec: its name, as ``interface.load`` understands it.
        fingerprint: of its codebooks.
    """

    codes: np.ndarray
    samples: int
    sample_rate: int
    codec: str
    fingerprint: str


def check_writable(path: Path) -> None:
    """Refuse a name that codes are not written to.

    Raises:
        UserError: not ``.npz``, or a place that cannot be written.
    """
    if path.suffix != ".npz":
        raise UserError(f"{path}: codes are written as .npz; end the name in it")
    check_replaceable(path)


def save(path: Path, codes: Codes) -> None:
    """Write codes, whole or not at all.

    Raises:
        UserError: the path cannot be written.
    """
    check_writable(path)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            codes=codes.codes.astype(np.int16 if codes.codes.max(initial=0) < 1 << 15 else np.int32),
            samples=codes.samples,
            sample_rate=codes.sample_rate,
            codec=codes.codec,
            fingerprint=codes.fingerprint,
        )


def load(path: Path) -> Codes:
    """Read and check a file of codes.

    Raises:
        UserError: missing, damaged, or something else.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist: make it with: nuanced-speech tts codec encode IN.wav {path}")
    try:
        with np.load(path, allow_pickle=False) as file:
            codes = Codes(
                file["codes"].astype(np.int64),
                int(file["samples"]),
                int(file["sample_rate"]),
                str(file["codec"]),
                str(file["fingerprint"]),
            )
    except (OSError, ValueError, TypeError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: not a file of codes, or damaged ({type(error).__name__})") from error
    if codes.codes.ndim != 2 or codes.codes.size == 0 or codes.codes.min() < 0 or codes.samples < 1:
        raise UserError(f"{path}: its codes are of shape {codes.codes.shape}; they must be (codebooks, frames)")
    return codes
