"""Codes in a file: an ``.npz`` with ``codes`` (codebooks, frames) and the data that decoding them needs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.files import check_replaceable, replacing
from nuanced_speech.core.numpy_files import read_arrays, text_of, whole_number


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
    remedy = "make it again with: nuanced-speech tts codec encode"
    arrays = read_arrays(path, "a file of codes", remedy)
    with reading(path, "a file of codes", remedy):
        if arrays["codes"].dtype.kind not in "iu":
            raise TypeError("codes are whole numbers")
        coded = Codes(
            arrays["codes"].astype(np.int64),
            whole_number(arrays["samples"]),
            whole_number(arrays["sample_rate"]),
            text_of(arrays["codec"]),
            text_of(arrays["fingerprint"]),
        )
    if coded.codes.ndim != 2 or coded.codes.size == 0 or coded.codes.min() < 0 or coded.samples < 1:
        raise UserError(f"{path}: its codes are of shape {coded.codes.shape}; they must be (codebooks, frames)")
    return coded
