"""What was said, without text: Whisper's features turned into the text features that Kokoro's decoder expects.

The adapter is a stack of ConvNeXt blocks (Liu et al. 2022) over Whisper's encoder. It learns from speech that Kokoro
spoke itself, where the wanted tensor is known exactly. A second head names the phoneme of every 25 ms; the text path's
aligner uses it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from nuanced_speech.errors import UserError
from nuanced_speech.kokoro import length_mask

WEIGHTS = Path(__file__).parent / "data" / "content_adapter.safetensors"
FEATURE_FRAMES_PER_UNIT = 1.25


@dataclass
class ContentConfig:
    """Shape of the adapter. ``layers`` are the Whisper blocks whose outputs it reads, ``whisper`` the model."""

    whisper: str = "base"
    layers: tuple[int, ...] = (4, 6)
    input_dim: int = 1024
    width: int = 512
    hidden: int = 1024
    dilations: tuple[int, ...] = (1, 2, 4, 1, 2, 4)
    kernel_size: int = 7
    content_dim: int = 512
    symbols: int = 178
    dropout: float = 0.1


@dataclass
class Content:
    """``content [B, 512, T]``, Kokoro's ``asr`` at 40 Hz, and ``logits [B, 178, T]`` over its phoneme symbols."""

    content: Tensor
    logits: Tensor


class Block(nn.Module):
    """Depthwise convolution over time, then two layers over channels, around a residual: ``[B, C, T]`` to the same."""

    def __init__(self, config: ContentConfig, dilation: int) -> None:
        super().__init__()
        width, kernel = config.width, config.kernel_size
        padding = dilation * (kernel // 2)
        self.depthwise = nn.Conv1d(width, width, kernel, padding=padding, dilation=dilation, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, config.hidden)
        self.project = nn.Linear(config.hidden, width)
        self.dropout = nn.Dropout(config.dropout)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x * mask).transpose(1, 2))
        y = self.project(self.dropout(F.gelu(self.expand(y))))
        return x + (y * self.scale).transpose(1, 2)


class ContentAdapter(nn.Module):
    """Whisper features to Kokoro text features.

    ``content_mean`` and ``content_std [512]`` hold the statistics of the wanted tensor: the network works in units of
    its standard deviation, which is what the decoder's first instance norm sees.
    """

    content_mean: Tensor
    content_std: Tensor

    def __init__(self, config: ContentConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ContentConfig()
        self.norm = nn.LayerNorm(config.input_dim)
        self.input = nn.Conv1d(config.input_dim, config.width, 3, padding=1)
        self.blocks = nn.ModuleList(Block(config, dilation) for dilation in config.dilations)
        self.output_norm = nn.LayerNorm(config.width)
        self.content = nn.Linear(config.width, config.content_dim)
        self.symbols = nn.Linear(config.width, config.symbols)
        self.register_buffer("content_mean", torch.zeros(config.content_dim))
        self.register_buffer("content_std", torch.ones(config.content_dim))

    def forward(self, features: Tensor, units: Tensor) -> Content:
        """Content of a batch.

        Args:
            features: ``[B, F, input_dim]`` at 50 Hz; of an item's rows the first ``ceil(1.25 * units)`` are read.
            units: length of each item in 25 ms units, ``[B]``.

        Returns:
            content and logits, ``T = max(units)`` long, content zero beyond each item's end.
        """
        length = int(units.max())
        mask = length_mask(units, length)[:, None].to(features.dtype)
        x = to_units(self.norm(_edge_padded(features, units)).transpose(1, 2), length)
        x = self.input(x * mask)
        for block in self.blocks:
            x = block(x, mask)
        x = self.output_norm(x.transpose(1, 2))
        content = self.content(x).transpose(1, 2).float()
        content = content * self.content_std[:, None] + self.content_mean[:, None]
        return Content(content * mask, self.symbols(x).transpose(1, 2).float())

    def save(self, path: Path, **metadata: str) -> None:
        """Write the weights as fp16 safetensors with their configuration; the old file stays until the new is whole."""
        state = {name: value.half().contiguous() for name, value in self.state_dict().items()}
        save_file(state, path.with_suffix(".partial"), {"config": json.dumps(asdict(self.config)), **metadata})
        path.with_suffix(".partial").replace(path)

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "ContentAdapter":
        """The adapter of a file written by ``save``; the packaged one by default.

        Raises:
            UserError: no such file, or not an adapter.
        """
        if not path.is_file():
            raise UserError(f"{path}: no content adapter there; train one with: nuanced-speech train adapter")
        try:
            with safe_open(path, "pt") as file:
                values = json.loads(file.metadata()["config"])
                state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
            for name in ("layers", "dilations"):
                values[name] = tuple(values[name])
            config = ContentConfig(**values)
            adapter = cls(config)
            adapter.load_state_dict(state)
        except Exception as error:
            raise UserError(f"{path}: not a content adapter of this version ({type(error).__name__})") from error
        return adapter.eval().requires_grad_(False)


def _edge_padded(features: Tensor, units: Tensor) -> Tensor:
    """Each item's last frame repeated over its padding, since its last unit lies beyond that frame's centre."""
    last = torch.ceil(units * FEATURE_FRAMES_PER_UNIT).long() - 1
    rows = torch.minimum(torch.arange(features.shape[1], device=features.device), last[:, None])
    return features.gather(1, rows[..., None].expand_as(features))


def to_units(features: Tensor, units: int) -> Tensor:
    """Features ``[B, D, F]`` at 50 Hz, linearly interpolated at the centres of 25 ms units: ``[B, D, units]``."""
    position = (torch.arange(units, device=features.device) + 0.5) * FEATURE_FRAMES_PER_UNIT
    position = position.clamp(max=features.shape[-1] - 1)
    left = position.floor().long()
    right = (left + 1).clamp(max=features.shape[-1] - 1)
    return torch.lerp(features[..., left], features[..., right], (position - left).to(features.dtype))
