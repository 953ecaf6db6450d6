"""Features of segments in files, to the last bit, for work that goes on where it was broken off."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load, save, save_file
from torch import Tensor

from nuanced_speech.analysis.features import SEGMENTS_IN_MEMORY, SegmentFeatures, SegmentFrames
from nuanced_speech.audio.segmentation import Segment
from nuanced_speech.core.constants import FRAMES_PER_UNIT, SAMPLES_PER_UNIT
from nuanced_speech.core.errors import ContentError, reading
from nuanced_speech.core.files import replacing
from nuanced_speech.dsp.spectral_balance import Closeness, SpectralBalance
from nuanced_speech.voice.style import Style

_CLASSES = {
    kind.__name__: kind for kind in (SegmentFeatures, SegmentFrames, Segment, SpectralBalance, Closeness, Style)
}


class FrameReader:
    """Reads frames of segments from files, and keeps the last ones. Threads may share it.

    Args:
        device: where tensors are put.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.read = lru_cache(SEGMENTS_IN_MEMORY)(self._read)

    def _read(self, path: Path, number: int) -> SegmentFrames:
        with _opened(path) as (described, file):
            frames = _restored(described[number]["fields"]["frames"], file.get_tensor, self.device)
            assert isinstance(frames, SegmentFrames)
            return frames


@dataclass(frozen=True)
class KeptFrames:
    """Frames of a segment that stay in a file until they are needed, so that hours take no more memory than minutes.

    Attributes:
        path: file of a window of segments.
        number: of the segment in it.
        reader: reads the file.
    """

    path: Path
    number: int
    reader: FrameReader

    def load(self) -> SegmentFrames:
        """The frames.

        Raises:
            UserError: the file is damaged or gone.
        """
        frames: SegmentFrames = self.reader.read(self.path, self.number)
        return frames


class FeatureFolder:
    """A store of features that outlives the process: a file for each window of segments (``FeatureStore``).

    Frames of segments are read from the files where they are needed (``KeptFrames``).

    Args:
        folder: of the files; made when the first one is written. It belongs to one recording.
        device: where features are put.
    """

    def __init__(self, folder: Path, device: str) -> None:
        self.folder, self.reader = folder, FrameReader(device)

    def window(self, number: int, measure: Callable[[], list[SegmentFeatures]]) -> list[SegmentFeatures]:
        """As ``FeatureStore.window``; a window whose file is there is not measured again.

        Raises:
            UserError: the file is damaged, or cannot be written.
        """
        path = self.folder / f"{number:06d}.safetensors"
        if not path.exists():
            measured = measure()
            self.folder.mkdir(exist_ok=True)
            write(path, measured)
        return read(path, self.reader)


def write(path: Path, features: list[SegmentFeatures]) -> None:
    """Write features; the file appears when it is complete.

    Raises:
        UserError: it cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    described = [_described(item, tensors) for item in features]
    with replacing(path) as temporary:
        save_file(tensors, temporary, {"features": json.dumps(described)})


def read(path: Path, reader: FrameReader | None = None) -> list[SegmentFeatures]:
    """Features as they were written, on the reader's device; their frames are read where they are needed.

    Raises:
        UserError: a damaged file.
    """
    reader = reader or FrameReader()
    with _opened(path) as (described, file):
        features = [_restored(item, file.get_tensor, reader.device) for item in described]
        for item in features:
            _check(item)
        return [replace(item, frames=KeptFrames(path, number, reader)) for number, item in enumerate(features)]


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """What a file says of its features, and the file.

    Raises:
        UserError: a damaged file, or none.
    """
    with reading(path, "kept features", "remove its folder and begin anew"), safe_open(path, "pt") as file:
        yield json.loads(file.metadata()["features"]), file


def packed(frames: SegmentFrames) -> bytes:
    """Frames as bytes, for ``unpacked``."""
    tensors: dict[str, Tensor] = {}
    described = _described(frames, tensors)
    return save(tensors, {"frames": json.dumps(described)})


def unpacked(data: bytes, device: str = "cpu") -> SegmentFrames:
    """Frames as they were packed, to the last bit; tensors on a device."""
    length = int.from_bytes(data[:8], "little")
    described = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["frames"])
    frames = _restored(described, load(data).__getitem__, device)
    assert isinstance(frames, SegmentFrames)
    return frames


def _check(item: Any) -> None:
    """Refuse anything but the features of one segment, whose lengths fit each other.

    Raises:
        ContentError: it is something else.
    """
    if not isinstance(item, SegmentFeatures) or not isinstance(item.segment, Segment):
        raise ContentError("something else where features belong")
    if not isinstance(item.frames, SegmentFrames):
        raise ContentError("something else where frames belong")
    units = item.units
    lengths: list[tuple[Any, int]] = [
        (item.frames.wave, SAMPLES_PER_UNIT * units),
        (item.frames.log_probabilities, units),
        (item.frames.content.T, units),
    ]
    lengths += [(curve, FRAMES_PER_UNIT * units) for curve in (item.f0, item.energy)]
    if not isinstance(item.style, Style) or any(len(values) != length for values, length in lengths):
        raise ContentError("features of other lengths than the segment's")


def _described(value: Any, tensors: dict[str, Tensor]) -> Any:
    """A value as JSON takes it; arrays go to ``tensors``."""
    if isinstance(value, (np.ndarray, Tensor)):
        name = str(len(tensors))
        tensor = torch.from_numpy(value) if isinstance(value, np.ndarray) else value.detach()
        # the order in memory stays too, since sums depend on it in the last bit
        strides = tensor.stride()
        order = sorted(range(tensor.ndim), key=lambda axis: -strides[axis])
        tensors[name] = tensor.permute(order).cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor" if isinstance(value, Tensor) else "array": name, "order": order}
    if is_dataclass(value):
        return {
            "class": type(value).__name__,
            "fields": {f.name: _described(getattr(value, f.name), tensors) for f in fields(value)},
        }
    return {"value": value}


def _restored(item: Any, tensor: Callable[[str], Tensor], device: str) -> Any:
    if "order" in item:
        kept = tensor(item.get("array", item.get("tensor"))).clone().permute(np.argsort(item["order"]).tolist())
        return kept.numpy() if "array" in item else kept.to(device)
    if "class" in item:
        values = {name: _restored(value, tensor, device) for name, value in item["fields"].items()}
        return _CLASSES[item["class"]](**values)
    return item["value"]
