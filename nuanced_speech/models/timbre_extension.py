"""What a voice has that 128 numbers of timbre cannot say: more columns for the decoder's adaptive norms.

Kokoro's timbres set the gains and offsets of every adaptive norm in its decoder, through matrices that learned from a
few dozen voices: what those voices do not differ in, no timbre can change. An extension adds columns to these matrices
and finds their factors from a speaker embedding. The columns begin at zero, where it is Kokoro as it was.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nuanced_speech.core.constants import DATA, SPEAKER_DIM
from nuanced_speech.core.files import replacing
from nuanced_speech.core.tensor_files import reading_model

WEIGHTS = DATA / "extension.safetensors"
SIZE, HIDDEN, DROPOUT = 64, 128, 0.1


class TimbreExtension(nn.Module):
    """Speaker embeddings ``[B, 256]`` to the numbers that follow a timbre's 128, ``[B, SIZE]``; the first is 1, for
    what every recorded voice has.

    Args:
        outputs: gains and offsets of the decoder's adaptive norms, ``Kokoro.gains``.
        size: columns that each of them gets.

    Attributes:
        columns: ``[outputs, size]``, for ``Kokoro.extend``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, outputs: int, size: int = SIZE) -> None:
        super().__init__()
        self.columns = nn.Parameter(torch.zeros(outputs, size))
        self.network = nn.Sequential(
            nn.Linear(SPEAKER_DIM, HIDDEN), nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, size - 1)
        )
        self.register_buffer("mean", torch.zeros(SPEAKER_DIM))
        self.register_buffer("std", torch.ones(SPEAKER_DIM))

    @torch.no_grad()
    def calibrate(self, embeddings: Tensor) -> None:
        """Set the constants from speakers' embeddings ``[N, 256]``."""
        self.mean.copy_(embeddings.mean(0))
        # some numbers are zero for nearly everyone
        self.std.copy_(embeddings.std(0).clamp(min=0.02))

    def forward(self, embeddings: Tensor) -> Tensor:
        predicted = self.network((embeddings - self.mean) / self.std)
        return torch.cat([torch.ones_like(predicted[:, :1]), predicted], 1)

    def save(self, path: Path, **metadata: str) -> None:
        """Write the weights as fp16 safetensors; an old file stays until the new is whole."""
        state = {name: value.half().cpu().contiguous() for name, value in self.state_dict().items()}
        with replacing(path) as temporary:
            save_file(state, temporary, {"shape": json.dumps([*self.columns.shape])} | metadata)

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "TimbreExtension":
        """The extension of a file written by ``save``; the packaged one by default.

        Raises:
            UserError: no such file, or not an extension.
        """
        with reading_model(path, "style extension", "nuanced-speech train extension") as file:
            extension = cls(*file.config("shape"))
            extension.load_state_dict(file.floats())
        return extension.eval().requires_grad_(False)
