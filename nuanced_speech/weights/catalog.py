"""Models by name: ``kokoro``, and ``whisper-SIZE`` for any size that openai-whisper knows.

The sources of a model are, in this order: a file that is given, the cache, the hub or the authors' download, installed
packages. Its first use converts it to safetensors, which the cache keeps.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from nuanced_speech.core import tensor_files
from nuanced_speech.core.cache import cache_folder
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.files import sha256
from nuanced_speech.core.network import Unavailable
from nuanced_speech.weights import store
from nuanced_speech.weights.sources import (
    PACKAGED,
    FetchProgress,
    ModelSource,
    convert_kokoro,
    convert_whisper,
    sources,
)

KOKORO = "kokoro"
EXTRA = 'pip install "nuanced-speech[models]"'
_PREFIX = "whisper-"


def names() -> list[str]:
    """All names that ``find`` knows."""
    import whisper

    return [KOKORO, *(_PREFIX + size for size in whisper.available_models())]


def canonical(name: str) -> str:
    """The name a model is stored by: ``whisper-turbo`` and ``whisper-large-v3-turbo`` are one.

    Raises:
        UserError: the name is not known.
    """
    if name == KOKORO:
        return name
    import whisper

    if not name.startswith(_PREFIX):
        raise UserError(f"unknown model {name!r}: choose from {', '.join(names())}")
    size = name.removeprefix(_PREFIX)
    if size not in whisper._MODELS:
        raise UserError(f"unknown Whisper model {size!r}: choose from {', '.join(whisper.available_models())}")
    return _PREFIX + whisper._MODELS[size].split("/")[-1].removesuffix(".pt")


def find(name: str, path: Path | None = None, progress: FetchProgress | None = None) -> Path:
    """A safetensors file of the model, fetched and converted the first time.

    Args:
        name: ``kokoro`` or ``whisper-SIZE``.
        path: a file to read instead: safetensors as this package writes it, the authors' PyTorch checkpoint,
            Kokoro's int8 ONNX file, or Whisper as a CTranslate2 ``model.bin``.
        progress: called while something is downloaded or converted.

    Raises:
        UserError: an unknown name, a file that is not this model, a wrong checksum, a damaged or unwritable cache, or
            no source that works (the message names each with its reason).
    """
    name, progress = canonical(name), progress or no_progress
    if path is not None:
        return _from_file(name, Path(path), progress)
    if store.path(name).is_file():
        store.check_size(name)
        return store.path(name)
    return pull(name, progress)


def pull(name: str, progress: FetchProgress | None = None) -> Path:
    """Fetch and convert a model whether it is in the cache or not; see ``find``."""
    name, progress = canonical(name), progress or no_progress
    tried = [] if store.path(name).is_file() else [f"the cache ({cache_folder()}): not there"]
    for source in sources(name):
        try:
            return _fetch(name, source, progress)
        except Unavailable as reason:
            tried.append(f"{source.label}: {reason}")
    if name in PACKAGED:
        advice = f"connect to the network, or run: {EXTRA}"
    else:
        tried.append(f"installed packages: none carries {name}")
        carried = ", ".join(packaged for packaged in PACKAGED if packaged != KOKORO)
        advice = f"connect to the network, or use one of {carried}, which come with: {EXTRA}"
    raise UserError(f"{name} cannot be had from any source. Tried {'; '.join(tried)}. To go on, {advice}")


def _fetch(name: str, source: ModelSource, progress: FetchProgress) -> Path:
    with store.scratch(name) as temporary:
        files = source.fetch(temporary, progress)
        actual = sha256(files)
        if actual != source.sha256:
            raise UserError(
                f"wrong checksum for {name} from {source.label}: {' + '.join(str(file) for file in files)} has sha256"
                f" {actual}, expected {source.sha256}; remove or reinstall it and try again"
            )
        progress(f"converting {name}", 0, 0)
        state, dims = source.convert(files)
        return store.write(name, state, dims, source.label, actual, temporary)


def _from_file(name: str, path: Path, progress: FetchProgress) -> Path:
    if not path.is_file():
        raise UserError(f"no such model file: {path}")
    if path.suffix == ".safetensors":
        if name != KOKORO and "dims" not in store.metadata(path):
            raise UserError(f"{path} does not hold a Whisper model as this program stores it (no dims in its header)")
        return path
    digest = sha256([path])
    key = f"{name}-{digest[:12]}"
    if store.path(key).is_file():
        store.check_size(key)
        return store.path(key)
    progress(f"converting {path.name}", 0, 0)
    with store.scratch(key) as temporary:
        try:
            state, dims = (convert_kokoro if name == KOKORO else convert_whisper)([path])
            tensor_files.check_finite({key: torch.from_numpy(value) for key, value in state.items()})
        except Exception as error:  # parsers of three formats, each with its own ways to fail
            # a ValueError says what is wrong; others are of libraries, and of several lines
            lines = str(error).splitlines() if isinstance(error, ValueError) else []
            reason = lines[0] if len(lines) == 1 else type(error).__name__
            raise UserError(f"{path} does not hold a {name} model in a form that is known ({reason})") from None
        return store.write(key, state, dims, str(path), digest, temporary)


class _Uninitialised(TorchFunctionMode):
    """Skip the initialisation of new parameters, which takes longer than loading the weights that replace them."""

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def load_whisper(
    name: str, device: str | torch.device = "cpu", path: Path | None = None, kind: Callable[..., Any] | None = None
) -> Any:
    """A ``whisper.model.Whisper`` in float32 and in evaluation mode, with the heads that word times are read from.

    Args:
        name: a size such as ``base``, or a name such as ``whisper-base``.
        device: device of its weights.
        path: a file to read instead; see ``find``.
        kind: class to build, ``Whisper`` or one derived from it.

    Raises:
        UserError: as ``find``, or the file does not hold that model.
    """
    name = canonical(_PREFIX + name.removeprefix(_PREFIX))
    file = find(name, path)
    import whisper
    from whisper.model import ModelDimensions, Whisper

    with reading(file, "a Whisper model", "remove it and try again"):
        # what the cache keeps was checked when it was converted
        weights = tensor_files.load(file, checked=file.is_relative_to(cache_folder()))
        dims = ModelDimensions(**weights.config("dims"))
        with tensor_files.NoLargerThan(weights.tensors), _Uninitialised():
            model = (kind or Whisper)(dims)
        model.load_state_dict(weights.floats(), assign=True)
    # sparse, which not every device can hold, so it is made where it is read: on the CPU
    model.alignment_heads = None
    model.to(device)
    with reading(file, f"the weights of {name}", "remove it and try again"):
        model.set_alignment_heads(whisper._ALIGNMENT_HEADS[name.removeprefix(_PREFIX)])
    return model.eval()


def no_progress(_what: str, _done: int, _total: int) -> None:
    """Show no progress."""
