"""What a speaker's recordings changed in a fast decoder: a few thousand numbers that a voice may be kept with.

A voice's ``.safetensors`` holds them beside the pack (docs/fast_decoder.md): ``adaptation.speaker`` ``[256]``, and for
each changed layer ``adaptation.LAYER.up`` ``[out, r]`` and ``adaptation.LAYER.down`` ``[r, in]``, whose product is
added to the layer's weights (LoRA, Hu et al. 2021). The header names the decoder by its digest.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from nuanced_speech.core.constants import SPEAKER_DIM
from nuanced_speech.core.errors import ContentError

PREFIX = "adaptation."
# Bounds of what a file may hold: layers, rank, a layer's width, and the size of a number.
_LAYERS, _RANK, _WIDTH, _LARGEST = 64, 8, 8192, 1e3


@dataclass(frozen=True)
class LowRank:
    """A change of a linear layer's weights ``[out, in]``: ``up [out, r] @ down [r, in]``."""

    up: Tensor
    down: Tensor

    @property
    def change(self) -> Tensor:
        """``[out, in]``."""
        return self.up @ self.down


@dataclass(frozen=True, eq=False)
class DecoderAdaptation:
    """The numbers of one speaker.

    Attributes:
        decoder: digest of the decoder that they were learned with.
        speaker: speaker input ``[256]`` in place of an embedding.
        layers: changes of linear layers by their names.
    """

    decoder: str
    speaker: Tensor
    layers: Mapping[str, LowRank]

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return sum(tensor.numel() for tensor in self.tensors().values())

    @property
    def digest(self) -> str:
        """A sum of the numbers."""
        total = hashlib.sha256(self.decoder.encode())
        for name, tensor in sorted(self.tensors().items()):
            total.update(name.encode() + tensor.cpu().numpy().tobytes())
        return total.hexdigest()[:16]

    def tensors(self) -> dict[str, Tensor]:
        """The numbers by their names in a file, float32."""
        named = {f"{PREFIX}speaker": self.speaker}
        for name, layer in self.layers.items():
            named |= {f"{PREFIX}{name}.up": layer.up, f"{PREFIX}{name}.down": layer.down}
        return {name: tensor.detach().float().cpu().contiguous() for name, tensor in named.items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], decoder: str) -> "DecoderAdaptation | None":
        """Those among a file's tensors; None where there are none.

        Raises:
            ContentError: tensors of other names, sizes or types, or numbers out of range.
        """
        named = {name.removeprefix(PREFIX): x for name, x in tensors.items() if name.startswith(PREFIX)}
        if not named:
            return None
        for name, tensor in named.items():
            if not tensor.is_floating_point() or tensor.numel() > _WIDTH * _RANK:
                raise ContentError(f"{PREFIX}{name[:80]}: too large, or not of floating point")
            if not bool((tensor.abs() <= _LARGEST).all()):
                raise ContentError(f"{PREFIX}{name[:80]}: numbers that are not finite, or above {_LARGEST:g}")
        speaker = named.pop("speaker", torch.zeros(0)).float()
        names = {name.rpartition(".")[0] for name in named}
        if speaker.shape != (SPEAKER_DIM,) or len(names) > _LAYERS:
            raise ContentError(f"an adaptation has {SPEAKER_DIM} numbers of a speaker, and at most {_LAYERS} layers")
        if set(named) != {f"{name}.{part}" for name in names for part in ("up", "down")}:
            raise ContentError("an adaptation has an up and a down for each layer, and nothing else")
        layers = {name: LowRank(named[f"{name}.up"].float(), named[f"{name}.down"].float()) for name in sorted(names)}
        for name, layer in layers.items():
            up, down = layer.up.shape, layer.down.shape
            if not (len(up) == len(down) == 2 and up[1] == down[0] and 1 <= up[1] <= _RANK):
                raise ContentError(f"{name[:80]}: up {[*up]} and down {[*down]} do not fit each other")
            if max(up[0], down[1]) > _WIDTH:
                raise ContentError(f"{name[:80]}: too large")
        return cls(decoder, speaker, layers)
