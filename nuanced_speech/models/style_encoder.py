"""The style encoder: the mean of Whisper's features over time to Kokoro's 256 style numbers."""

import json
from pathlib import Path

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from nuanced_speech.core.constants import DATA, STYLE_DIM
from nuanced_speech.core.files import replacing
from nuanced_speech.core.tensor_files import reading_model

HIDDEN = 512
# The stock voices lie within 3.8 standard deviations of their mean in every dimension.
REACH = 4.0
PACKAGED = DATA / "style_encoder.safetensors"


class StyleEncoder(nn.Module):
    """MLP from mean-pooled Whisper features to a style.

    Features are standardised before the MLP, and its output is a number of standard deviations from the mean stock
    style, bent so that it stays within four: the encoder starts at the average voice and cannot leave the region
    where Kokoro was trained. The constants are buffers; ``calibrate`` sets them.

    Args:
        input_dim: width of the Whisper model, 512 for ``base``.
        style_dim: 256.

    Attributes:
        metadata: strings kept in the file beside the weights; ``whisper`` names the model whose features it expects.
    """

    feature_mean: Tensor
    feature_std: Tensor
    style_mean: Tensor
    style_std: Tensor

    def __init__(self, input_dim: int, style_dim: int = STYLE_DIM) -> None:
        super().__init__()
        self.input_dim, self.style_dim = input_dim, style_dim
        self.metadata: dict[str, str] = {}
        # "input_dim→512→ReLU→512→512→ReLU→256" read as (input_dim→512), ReLU, (512→512), ReLU, (→256): three layers
        self.mlp = nn.Sequential(
            nn.Linear(input_dim, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, style_dim),
        )
        last = self.mlp[-1]
        assert isinstance(last, nn.Linear)
        # small, not zero: a zero matrix would let no gradient through to the layers before it
        nn.init.normal_(last.weight, std=0.1 / HIDDEN**0.5)
        nn.init.zeros_(last.bias)
        self.register_buffer("feature_mean", torch.zeros(input_dim))
        self.register_buffer("feature_std", torch.ones(input_dim))
        self.register_buffer("style_mean", torch.zeros(style_dim))
        self.register_buffer("style_std", torch.ones(style_dim))

    @torch.no_grad()
    def calibrate(self, pooled: Tensor, styles: Tensor) -> None:
        """Set the constants from pooled features ``[N, input_dim]`` and from styles ``[M, style_dim]``, N and M > 1."""
        self.feature_mean.copy_(pooled.mean(0))
        self.feature_std.copy_(pooled.std(0).clamp(min=1e-4))
        self.style_mean.copy_(styles.mean(0))
        self.style_std.copy_(styles.std(0).clamp(min=1e-4))

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Style ``[B, style_dim]`` of features ``[B, T, input_dim]``; ``mask [B, T]`` is True where there is speech."""
        deviation = self.mlp((mean_pool(features, mask) - self.feature_mean) / self.feature_std)
        return self.style_mean + self.style_std * REACH * torch.tanh(deviation / REACH)

    def save(self, path: Path, metadata: dict[str, str] | None = None) -> None:
        """Write weights, constants and metadata as one safetensors file, whole or not at all.

        Raises:
            UserError: the path cannot be written.
        """
        shape = {"input_dim": self.input_dim, "style_dim": self.style_dim}
        texts = self.metadata | (metadata or {}) | {"style_encoder": json.dumps(shape)}
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        with replacing(path) as temporary:
            temporary.write_bytes(to_bytes(state, texts))

    @classmethod
    def load(cls, path: Path | None = None) -> "StyleEncoder":
        """An encoder in evaluation mode from a file that ``save`` wrote; the packaged one when no path is given.

        Raises:
            UserError: the file is missing, damaged or holds something else.
        """
        path = Path(path or PACKAGED)
        command = "python train_v2_multispeech.py"
        with reading_model(path, "style encoder", command) as file:
            encoder = cls(**file.config("style_encoder"))
            encoder.load_state_dict(file.tensors)
        encoder.metadata = {key: text for key, text in file.metadata.items() if key != "style_encoder"}
        return encoder.eval()


def mean_pool(features: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean over time ``[B, D]`` of ``[B, T, D]``, over the frames where ``mask [B, T]`` is True."""
    if mask is None:
        return features.mean(1)
    # where, not a product: padding may hold anything, infinities included
    kept = features.masked_fill(~mask[..., None], 0.0)
    return kept.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
