"""Content without text: Whisper's features turned into the text features that Kokoro's decoder expects.

The adapter reads a middle layer of Whisper's encoder (Radford et al. 2022). Whisper's layers above it were made for its
decoder, which needs words; the adapter has copies of them that are trained further on sounds, and ConvNeXt blocks
(Liu et al. 2022) on top. It learns from speech that Kokoro spoke itself, where the target tensor is known exactly. A
second head gives the probabilities of the phonemes every 25 ms; the text path's aligner uses it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from nuanced_speech.core.constants import DATA, FEATURE_FRAMES_PER_UNIT, SAMPLE_RATE, SAMPLES_PER_UNIT
from nuanced_speech.core.files import replacing
from nuanced_speech.core.tensor_files import reading_model
from nuanced_speech.dsp.alignment import align_phonemes
from nuanced_speech.models.kokoro_layers import length_mask
from nuanced_speech.weights.compact import dequantised, quantised

WEIGHTS = DATA / "content_adapter.safetensors"


@dataclass(frozen=True)
class ContentConfig:
    """Shape of the adapter.

    ``whisper`` is the model and ``layer`` the block, from 1, whose output it reads. ``tuned`` blocks follow, shaped as
    Whisper's own.
    """

    whisper: str = "base"
    layer: int = 4
    tuned: int = 2
    heads: int = 8
    input_dim: int = 512
    width: int = 512
    hidden: int = 1024
    dilations: tuple[int, ...] = (1, 2, 4, 1)
    kernel_size: int = 7
    content_dim: int = 512
    symbols: int = 178
    dropout: float = 0.1


@dataclass(frozen=True)
class Content:
    """``content [B, 512, T]``, Kokoro's ``asr`` at 40 Hz, and ``logits [B, 178, T]`` over its phoneme symbols."""

    content: Tensor
    logits: Tensor


KeysValues = tuple[Tensor, Tensor]


class Attention(nn.Module):
    """Attention over keys and values that may be kept from step to step; weights are named as in openai-whisper, which
    cannot mask padding."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def keys_values(self, x: Tensor) -> KeysValues:
        """``x [B, T, D]`` as keys and values ``[B, heads, T, D / heads]``."""
        return self._split(self.key(x)), self._split(self.value(x))

    def forward(self, x: Tensor, keys_values: KeysValues, mask: Tensor | None) -> Tensor:
        """``x [B, S, D]`` to the same; ``mask`` is True where there is something to attend to."""
        y = F.scaled_dot_product_attention(self._split(self.query(x)), *keys_values, mask)
        return self.out(y.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class TunedBlock(nn.Module):
    """A block of Whisper's encoder, to go on learning: ``[B, F, D]`` to the same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn, self.attn_ln = Attention(width, heads), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.mlp_ln = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = self.attn_ln(x)
        x = x + self.attn(y, self.attn.keys_values(y), mask[:, None, None])
        return x + self.mlp(self.mlp_ln(x))


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
        self.tuned = nn.ModuleList(TunedBlock(config.input_dim, config.heads) for _ in range(config.tuned))
        self.norms = nn.ModuleList(nn.LayerNorm(config.input_dim) for _ in range(2))
        self.input = nn.Conv1d(2 * config.input_dim, config.width, 3, padding=1)
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
        features = _edge_padded(features, units)
        x = features
        there = length_mask(_frames(units), x.shape[1])
        for tuned in self.tuned:
            x = tuned(x, there)
        x = torch.cat([norm(y) for norm, y in zip(self.norms, (features, x), strict=True)], -1)
        x = to_units(x.transpose(1, 2), length)
        x = self.input(x * mask)
        for block in self.blocks:
            x = block(x, mask)
        x = self.output_norm(x.transpose(1, 2))
        content = self.content(x).transpose(1, 2).float()
        content = content * self.content_std[:, None] + self.content_mean[:, None]
        return Content(content * mask, self.symbols(x).transpose(1, 2).float())

    def copy_blocks(self, blocks: nn.ModuleList) -> None:
        """Copy those of Whisper's encoder blocks that follow ``layer``."""
        first = self.config.layer
        for copy, block in zip(self.tuned, blocks[first : first + len(self.tuned)], strict=True):
            copy.load_state_dict(block.state_dict())

    def save(self, path: Path, **metadata: str) -> None:
        """Write the weights, large matrices as int8, with their configuration, whole or not at all.

        Raises:
            UserError: the path cannot be written.
        """
        state = quantised(self.state_dict())
        with replacing(path) as temporary:
            save_file(state, temporary, {"config": json.dumps(asdict(self.config)), **metadata})

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "ContentAdapter":
        """The adapter of a file written by ``save``; the packaged one by default.

        Raises:
            UserError: no such file, or not an adapter.
        """
        with reading_model(path, "content adapter", "nuanced-speech train adapter") as file:
            values, state = file.config(), dequantised(file.tensors)
            config = ContentConfig(**values | {"dilations": tuple(values["dilations"])})
            adapter = cls(config)
            adapter.load_state_dict(state)
        return adapter.eval().requires_grad_(False)


def _frames(units: Tensor) -> Tensor:
    """Feature frames that so many units hold, the last one perhaps in part."""
    return torch.ceil(units * FEATURE_FRAMES_PER_UNIT).long()


def _edge_padded(features: Tensor, units: Tensor) -> Tensor:
    """Each item's last frame repeated over its padding, since its last unit lies beyond that frame's centre."""
    rows = torch.minimum(torch.arange(features.shape[1], device=features.device), _frames(units)[:, None] - 1)
    return features.gather(1, rows[..., None].expand_as(features))


def to_units(features: Tensor, units: int) -> Tensor:
    """Features ``[B, D, F]`` at 50 Hz, linearly interpolated at the centres of 25 ms units: ``[B, D, units]``."""
    position = (torch.arange(units, device=features.device) + 0.5) * FEATURE_FRAMES_PER_UNIT
    position = position.clamp(max=features.shape[-1] - 1)
    left = position.floor().long()
    right = (left + 1).clamp(max=features.shape[-1] - 1)
    return torch.lerp(features[..., left], features[..., right], (position - left).to(features.dtype))


@torch.no_grad()
def align_content(adapter: ContentAdapter, features: Tensor, ids: Tensor, seconds: float) -> tuple[Tensor, float]:
    """Durations of token ids ``[P]`` in a recording, from its Whisper features ``[F, D]``.

    Returns:
        units ``[P]``, and how well they fit: the mean log probability of the aligned symbols.

    Raises:
        UserError: too many phonemes for the recording's length.
    """
    units = max(round(seconds * SAMPLE_RATE / SAMPLES_PER_UNIT), 1)
    logits = adapter(features[None].float(), torch.tensor([units], device=features.device)).logits[0].T
    durations, fit = align_phonemes(logits.log_softmax(-1).cpu().numpy(), ids.cpu().numpy())
    return torch.from_numpy(durations), fit
