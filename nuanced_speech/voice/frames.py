"""A speaker embedding and frames of a speaker's recordings, for decoders that take more than a timbre.

A voice's ``.safetensors`` holds them beside the pack (docs/fast_decoder.md): ``frames.speaker`` ``[256]``,
``frames.content`` ``[R, 512]`` and ``frames.envelope`` ``[R, 64]``, the last two in half precision.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from nuanced_speech.core.constants import CONTENT_DIM, ENVELOPE_BANDS, SPEAKER_DIM
from nuanced_speech.core.errors import ContentError

PREFIX = "frames."
_COLUMNS = {"content": CONTENT_DIM, "envelope": ENVELOPE_BANDS}
# Bounds of what a file may hold: a minute, and the size of a number.
_ROWS, _LARGEST = 2400, 1e3


@dataclass(frozen=True, eq=False)
class VoiceFrames:
    """Frames of 25 ms of a speaker's recordings.

    Attributes:
        speaker: speaker embedding of length 1 ``[256]``.
        content: text features ``[R, 512]``.
        envelope: spectral envelopes, as ``models.decoder_voice.envelopes`` gives them ``[R, 64]``.
    """

    speaker: Tensor
    content: Tensor
    envelope: Tensor

    @property
    def digest(self) -> str:
        """A sum of the numbers."""
        total = hashlib.sha256()
        for name, tensor in sorted(self.tensors().items()):
            total.update(name.encode() + tensor.numpy().tobytes())
        return total.hexdigest()[:16]

    def tensors(self) -> dict[str, Tensor]:
        """The numbers by their names in a file."""
        named = {"speaker": self.speaker.float(), "content": self.content.half(), "envelope": self.envelope.half()}
        return {f"{PREFIX}{name}": tensor.detach().cpu().contiguous() for name, tensor in named.items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "VoiceFrames | None":
        """Those among a file's tensors; None where there are none.

        Raises:
            ContentError: tensors of other names, sizes or types, or numbers out of range.
        """
        named = {name.removeprefix(PREFIX): x for name, x in tensors.items() if name.startswith(PREFIX)}
        if not named:
            return None
        if set(named) != {"speaker", *_COLUMNS}:
            raise ContentError(f"frames of a voice have speaker, {' and '.join(_COLUMNS)}, and nothing else")
        rows = len(named["content"]) if named["content"].dim() else 0
        shapes = {"speaker": (SPEAKER_DIM,)} | {name: (rows, columns) for name, columns in _COLUMNS.items()}
        for name, tensor in named.items():
            if not 1 <= rows <= _ROWS or tensor.shape != shapes[name] or not tensor.is_floating_point():
                raise ContentError(
                    f"{PREFIX}{name}: {[*tensor.shape]} of {tensor.dtype}, not {[*shapes[name]]} numbers"
                )
            if not bool((tensor.abs() <= _LARGEST).all()):
                raise ContentError(f"{PREFIX}{name}: numbers that are not finite, or above {_LARGEST:g}")
        return cls(**{name: tensor.float() for name, tensor in named.items()})
