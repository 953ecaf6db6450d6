"""The Python files that a conversion without PyTorch needs, for machines on which this package is not installed."""

from pathlib import Path

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import replacing

PACKAGE = Path(__file__).parents[1]
FOLDERS = ("edge", "core", "audio", "dsp")
"""What ``nuanced_speech.edge`` imports from."""
REQUIREMENTS = ("numpy>=2.0", "onnxruntime>=1.20", "soundfile>=0.13")


def check_runtime(out: Path) -> None:
    """Check that no files but an earlier export's would be replaced.

    Raises:
        UserError: there are Python files or requirements of something else.
    """
    for path in (out / "nuanced_speech", out / "requirements.txt"):
        if path.exists() and not any(out.glob("*.onnx")):
            raise UserError(f"{path}: no export wrote this, so it is not replaced; give another folder")


def write_runtime(out: Path) -> None:
    """Write ``nuanced_speech/`` and ``requirements.txt`` into a folder of exported networks.

    In that folder, ``python -m nuanced_speech.edge`` runs after ``pip install -r requirements.txt``.

    Raises:
        UserError: the folder cannot be written.
    """
    files = [PACKAGE / "__init__.py", *(path for name in FOLDERS for path in sorted((PACKAGE / name).rglob("*.py")))]
    for path in files:
        target = out / "nuanced_speech" / path.relative_to(PACKAGE)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{target.parent}: the folder cannot be made ({error.strerror}); give another one"
            ) from error
        with replacing(target) as temporary:
            temporary.write_bytes(path.read_bytes())
    with replacing(out / "requirements.txt") as temporary:
        temporary.write_text("\n".join(REQUIREMENTS) + "\n", encoding="utf-8")
