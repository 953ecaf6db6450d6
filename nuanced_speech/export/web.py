"""A static page that converts in the browser: no server, and nothing is sent anywhere.

ONNX Runtime's build for browsers (onnxruntime-web 1.30.0, MIT licence) is packaged, its WebAssembly file compressed.
"""

import hashlib
import json
import lzma
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import replacing
from nuanced_speech.core.progress import Progress
from nuanced_speech.export.bundle import ExportOptions, export_onnx
from nuanced_speech.export.voice_table import VoiceRow
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.fast_decoder import FastDecoder

PAGE = Path(__file__).parent / "page"
SHARED = Path(__file__).parents[1] / "serve" / "page"
SHARED_FILES = ("style.css", "icon.svg", "dom.js", "recording.js", "sound.js")
"""Files that the server's page has too."""
ENGINE = "ort-wasm-simd-threaded.wasm"
ENGINE_SHA256 = "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"


def export_web(
    out: Path,
    models: ModelBank,
    decoder: FastDecoder,
    rows: Sequence[VoiceRow],
    options: ExportOptions = ExportOptions(half=True),
    progress: Progress | None = None,
) -> Path:
    """Write the page's folder; arguments are those of ``export_onnx``.

    Returns:
        the page.

    Raises:
        UserError: as ``export_onnx``.
    """
    export_onnx(out / "models", models, decoder, rows, replace(options, runtime=False), progress)
    write_page(out)
    return out / "index.html"


def write_page(out: Path) -> None:
    """Write the page without its models.

    Raises:
        UserError: the folder cannot be written, or this installation is damaged.
    """
    vendor = out / "vendor"
    try:
        vendor.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{vendor}: the folder cannot be made ({error.strerror}); give another one") from error
    sprite = (SHARED / "index.html").read_text(encoding="utf-8")
    sprite = sprite[sprite.index('<svg class="sprite"') : sprite.index("</svg>\n<a") + len("</svg>")]
    files = {path.name: path for path in [*PAGE.glob("*.*"), *(SHARED / name for name in SHARED_FILES)]}
    for name, path in files.items():
        _write(out / name, path.read_bytes().replace(b"{{sprite}}", sprite.encode()))
    for path in PAGE.joinpath("vendor").glob("*.*"):
        if path.suffix != ".xz":
            _write(vendor / path.name, path.read_bytes())
    engine = lzma.decompress((PAGE / "vendor" / f"{ENGINE}.xz").read_bytes())
    digest = hashlib.sha256(engine).hexdigest()
    if digest != ENGINE_SHA256:
        raise UserError(f"{PAGE / 'vendor' / ENGINE}.xz is damaged: install Nuanced Speech again")
    _write(vendor / ENGINE, engine)
    entry = {"file": ENGINE, "bytes": len(engine), "sha256": digest}
    _write(vendor / "engine.json", json.dumps(entry).encode())


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
