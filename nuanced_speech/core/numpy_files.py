"""NumPy's files, read so that what they say about their own size is not believed."""

import math
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np

from nuanced_speech.core.errors import ContentError, UserError, reading

# Bytes of all arrays of an .npz file, unpacked: an hour of mel is 100 MB.
LARGEST_ARRAYS = 500_000_000


def read_arrays(path: Path, what: str, remedy: str, most: int = LARGEST_ARRAYS) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz`` file by name.

    Args:
        most: bytes of all arrays together; a file that would unpack to more is refused before it is unpacked.

    Raises:
        UserError: no such file, damaged, too large, or holding Python objects.
    """
    arrays: dict[str, np.ndarray] = {}
    with reading(path, what, remedy), ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name in arrays or member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
                raise ValueError(f"an archive that NumPy does not write: {member.filename}")
            with archive.open(member) as file:
                size = _announced(file, member.file_size)
            most -= size
            if most < 0:
                raise UserError(f"{path}: not {what}: it would unpack to more than that can be; {remedy}")
            with archive.open(member) as file:
                arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    return arrays


def read_array(path: Path, what: str, remedy: str) -> np.ndarray:
    """The array of an ``.npy`` file.

    Raises:
        UserError: no such file, damaged, or holding Python objects.
    """
    with reading(path, what, remedy), path.open("rb") as file:
        _announced(file, path.stat().st_size)
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def whole_number(array: np.ndarray) -> int:
    """The whole number that an array of no dimension holds.

    Raises:
        ContentError: it holds something else.
    """
    if array.shape != () or array.dtype.kind not in "iu":
        raise ContentError(f"{array.dtype} of shape {array.shape} where a whole number belongs")
    return int(array)


def text_of(array: np.ndarray) -> str:
    """The text that an array of no dimension holds.

    Raises:
        ContentError: it holds something else.
    """
    if array.shape != () or array.dtype.kind != "U":
        raise ContentError(f"{array.dtype} of shape {array.shape} where a text belongs")
    text = str(array)
    text.encode("utf-8")
    return text


def _announced(file: IO[bytes], size: int) -> int:
    """Bytes of the array that the header at the beginning of ``file`` announces.

    Raises:
        ContentError: they are not those that the file of ``size`` bytes has.
    """
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"format {version} of .npy")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    numbers = math.prod(shape)
    if dtype.hasobject or any(length < 0 for length in shape) or file.tell() + numbers * dtype.itemsize != size:
        raise ContentError("its header does not fit its length")
    return numbers * dtype.itemsize
