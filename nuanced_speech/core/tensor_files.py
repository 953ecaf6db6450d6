"""Files of tensors, read so that neither their numbers nor the sizes that they announce are believed."""

import io
import json
import math
import pickletools
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import safe_open
from torch import Tensor
from torch.overrides import TorchFunctionMode

from nuanced_speech.core.constants import DATA
from nuanced_speech.core.errors import ContentError, reading, reading_weights
from nuanced_speech.core.reading import check_numbers

# Weights of trained networks stay below 1e3; float16 ends at 65504.
LARGEST_WEIGHT = 1e6
# Names of classes in a pickle, and the pickles that PyTorch's format before 1.6 begins with.
_LONGEST_NAME, _LEGACY_PICKLES = 500, 5
# A network may hold so many times the numbers of its file, and some tables beside (windows, positions, mel banks).
_SPARE, _TABLES = 3, 1 << 24
_BY_SHAPE = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full)
_BY_LENGTH = (torch.arange, torch.linspace, torch.hann_window, torch.eye)


@dataclass(frozen=True)
class TensorFile:
    """A safetensors file.

    Attributes:
        tensors: by name.
        metadata: the header's texts.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, str]

    def floats(self) -> dict[str, Tensor]:
        """All tensors as float32."""
        return {name: value.float() for name, value in self.tensors.items()}

    def config(self, key: str = "config") -> Any:
        """The configuration in the header, from JSON; lists stay lists.

        Raises:
            ValueError, KeyError: there is none, or it has numbers out of range.
        """
        values = json.loads(self.metadata[key])
        check_numbers(values)
        return values


def load(path: Path, checked: bool = False) -> TensorFile:
    """Tensors and metadata of a safetensors file. For use inside ``reading``: it raises what the library raises.

    Args:
        checked: its numbers were checked before: files of the package and of the cache.

    Raises:
        ContentError: numbers that are not finite or absurdly large.
    """
    with safe_open(path, "pt") as file:
        # no mapping, whatever it looks like
        read = TensorFile({name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {}))  # noqa: SIM118
    if not checked and not path.resolve().is_relative_to(DATA.resolve()):
        check_finite(read.tensors)
    return read


def read_tensors(path: Path, what: str, remedy: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        UserError: no such file, damaged, or numbers that are not finite.
    """
    with reading(path, what, remedy):
        return load(path).tensors


@contextmanager
def reading_model(path: Path, what: str, command: str, beside: int = 0) -> Iterator[TensorFile]:
    """A file of weights, around the building of its network, which may not be larger than the file.

    Args:
        what: the network, ``content adapter``.
        command: makes such a file.
        beside: numbers of a network that is not in the file, and that this one is built upon.

    Raises:
        UserError: no such file, or whatever goes wrong inside.
    """
    with reading_weights(path, what, command):
        file = load(path)
        with NoLargerThan(file.tensors, beside):
            yield file


def check_finite(tensors: Mapping[str, Tensor], largest: float = LARGEST_WEIGHT) -> None:
    """Refuse weights that are not numbers that a network could have learnt.

    Raises:
        ContentError: NaN, infinite, or beyond ``largest``.
    """
    for name, value in tensors.items():
        if value.numel() and value.is_floating_point():
            low, high = torch.aminmax(value)
            # a comparison with NaN is false
            if not (float(low) >= -largest and float(high) <= largest):
                raise ContentError(f"{name[:80]!r} holds numbers from {float(low):g} to {float(high):g}")


def load_pickle(path: Path, mmap: bool | None = None) -> Any:
    """What ``torch.save`` wrote, data only, on the CPU. For use inside ``reading``: it raises what the library raises.

    Raises:
        ContentError: an archive that would unpack to more than its own length; or a name of absurd length.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > path.stat().st_size:
                raise ContentError("it would unpack to more than its own size")
            for member in members:
                if member.filename.endswith(".pkl"):
                    _check_names(io.BytesIO(archive.read(member)), 1)
    else:
        with open(path, "rb") as file:
            _check_names(file, _LEGACY_PICKLES)
    return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)


def _check_names(file: IO[bytes], pickles: int) -> None:
    """Refuse names of classes or functions that no library has: PyTorch's error about one takes time that grows with
    the square of its length."""
    try:
        for _ in range(pickles):
            for opcode, argument, _ in pickletools.genops(file):
                if opcode.name in ("GLOBAL", "INST") and len(str(argument)) > _LONGEST_NAME:
                    raise ContentError(f"it names something with {len(str(argument))} characters")
    except ContentError:
        raise
    except ValueError:
        return  # no pickle from here on, which PyTorch tells


class NoLargerThan(TorchFunctionMode):
    """Refuses to make tensors that are, together, far larger than those of a file."""

    def __init__(self, tensors: Mapping[str, Tensor], beside: int = 0) -> None:
        super().__init__()
        self.left = _SPARE * (beside + sum(value.numel() for value in tensors.values())) + _TABLES
        # each costs time, however small it is; the networks here make one or two for each of the file
        self.made = 20 * (len(tensors) + 100)

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        kwargs = kwargs or {}
        if func in _BY_SHAPE:
            shape = kwargs.get("size", args)
            shape = shape[0] if shape and not isinstance(shape[0], int) else shape
            self.left -= math.prod(length for length in shape if isinstance(length, int))
        elif func in _BY_LENGTH:
            self.left -= int(max((abs(value) for value in args if isinstance(value, (int, float))), default=0))
        if func in _BY_SHAPE or func in _BY_LENGTH:
            self.made -= 1
        if self.left < 0 or self.made < 0:
            raise ContentError("the network that it announces is larger than the file")
        return func(*args, **kwargs)
