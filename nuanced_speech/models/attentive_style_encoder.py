"""The style of an unknown voice, from several of Whisper's layers at the moments that tell most.

The mean over time of one layer, which is what the recipe's encoder reads, is mostly about which sounds were said. Here
each half of the style has a mixture of layers of its own, a look at each moment's surroundings, and attentive
statistics: mean and spread over time, weighted by how much a moment tells (Okabe et al. 2018).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from nuanced_speech.core.constants import DATA, TIMBRE_DIM
from nuanced_speech.core.files import replacing
from nuanced_speech.core.tensor_files import reading_model
from nuanced_speech.models.style_encoder import REACH

WEIGHTS = DATA / "attentive.safetensors"
# Whisper's frames of which the mean is taken: 25 a second are enough for a voice.
FRAMES_PER_PAIR = 2


@dataclass(frozen=True)
class AttentiveConfig:
    """Shape of the encoder. ``whisper`` is the model, ``layers`` the blocks (from 1) whose outputs are mixed;
    ``attention`` weighs moments, without it all count the same and their spread is not looked at."""

    whisper: str = "base"
    layers: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    input_dim: int = 512
    width: int = 192
    kernel_size: int = 5
    bottleneck: int = 64
    hidden: int = 256
    dropout: float = 0.2
    attention: bool = True


def pair_means(features: Tensor) -> Tensor:
    """Means of pairs of frames ``[F, ...]``, the last of an odd number left out: ``[F // 2, ...]``; a single frame
    stays as it is."""
    if len(features) < FRAMES_PER_PAIR:
        return features
    return features[: len(features) // FRAMES_PER_PAIR * FRAMES_PER_PAIR].unflatten(0, (-1, FRAMES_PER_PAIR)).mean(1)


class Head(nn.Module):
    """One half of the style, in standard deviations from the mean voice."""

    def __init__(self, config: AttentiveConfig) -> None:
        super().__init__()
        width = config.width
        self.attention = config.attention
        self.mixture = nn.Parameter(torch.zeros(len(config.layers)))
        self.project = nn.Linear(config.input_dim, width)
        self.context = nn.Conv1d(width, width, config.kernel_size, padding=config.kernel_size // 2)
        if config.attention:
            self.score = nn.Sequential(
                nn.Linear(width, config.bottleneck), nn.Tanh(), nn.Linear(config.bottleneck, width)
            )
        self.output = nn.Sequential(
            nn.LayerNorm(width * (2 if config.attention else 1)),
            nn.Dropout(config.dropout),
            nn.Linear(width * (2 if config.attention else 1), config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, TIMBRE_DIM),
        )
        last = self.output[-1]
        assert isinstance(last, nn.Linear)
        nn.init.normal_(last.weight, std=0.1 / config.hidden**0.5)
        nn.init.zeros_(last.bias)

    def forward(self, layers: Tensor, mask: Tensor) -> Tensor:
        """``layers [B, F, L, D]``, each of mean 0 and variance 1, to ``[B, 128]``."""
        x = torch.einsum("bfld,l->bfd", layers, self.mixture.softmax(0))
        # not a product: padding may hold anything, infinities included
        x = F.gelu(self.project(x)).masked_fill(~mask[..., None], 0.0)
        x = x + F.gelu(self.context(x.transpose(1, 2))).transpose(1, 2)
        scores = self.score(x) if self.attention else torch.zeros_like(x)
        weights = scores.masked_fill(~mask[..., None], -torch.inf).softmax(1)
        mean = (weights * x).sum(1)
        if not self.attention:
            return self.output(mean)
        spread = ((weights * x.square()).sum(1) - mean.square()).clamp(min=1e-5).sqrt()
        return self.output(torch.cat([mean, spread], 1))


class AttentiveStyleEncoder(nn.Module):
    """Whisper's layers to a style, its timbre and its prosody by heads that share nothing.

    The heads' numbers are standard deviations from the mean stock style, bent so that they stay within four.
    """

    style_mean: Tensor
    style_std: Tensor

    def __init__(self, config: AttentiveConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or AttentiveConfig()
        self.heads = nn.ModuleList(Head(config) for _ in range(2))
        self.register_buffer("style_mean", torch.zeros(2 * TIMBRE_DIM))
        self.register_buffer("style_std", torch.ones(2 * TIMBRE_DIM))

    @torch.no_grad()
    def calibrate(self, styles: Tensor) -> None:
        """Set mean and spread from styles ``[M, 256]``, M > 1."""
        self.style_mean.copy_(styles.mean(0))
        self.style_std.copy_(styles.std(0).clamp(min=1e-4))

    def forward(self, layers: Tensor, mask: Tensor | None = None) -> Tensor:
        """Style ``[B, 256]``.

        Args:
            layers: outputs of all of Whisper's blocks at 25 Hz, see ``pair_means``, ``[B, F, depth, D]``.
            mask: ``[B, F]``, True where there is speech, once at least in each item.
        """
        if mask is None:
            mask = torch.ones(layers.shape[:2], dtype=torch.bool, device=layers.device)
        layers = layers[:, :, [number - 1 for number in self.config.layers]]
        layers = F.layer_norm(layers.float(), layers.shape[-1:])
        deviation = torch.cat([head(layers, mask) for head in self.heads], 1)
        return self.style_mean + self.style_std * REACH * torch.tanh(deviation / REACH)

    def save(self, path: Path, **metadata: str) -> None:
        """Write the weights as fp16 safetensors with their configuration; the old file stays until the new is whole.

        Raises:
            UserError: the path cannot be written.
        """
        state = {name: value.half().contiguous() for name, value in self.state_dict().items()}
        with replacing(path) as temporary:
            save_file(state, temporary, {"config": json.dumps(asdict(self.config)), **metadata})

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "AttentiveStyleEncoder":
        """The encoder of a file written by ``save``; the packaged one by default.

        Raises:
            UserError: no such file, or not such an encoder.
        """
        command = "nuanced-speech train style"
        with reading_model(path, "style encoder with attention", command) as file:
            values = file.config()
            encoder = cls(AttentiveConfig(**values | {"layers": tuple(values["layers"])}))
            encoder.load_state_dict(file.floats())
        return encoder.eval().requires_grad_(False)
