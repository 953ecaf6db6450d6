"""The block that the networks at frame rate are made of."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then two layers over channels, around a residual (Liu et al. 2022; as Vocos,
    Siuzdak 2023, has it for audio): ``[B, C, T]`` to the same."""

    def __init__(self, width: int, hidden: int, kernel_size: int = 7, scale: float = 0.1) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(width, width, kernel_size, padding=kernel_size // 2, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1 = nn.Linear(width, hidden)
        self.pwconv2 = nn.Linear(hidden, width)
        self.gamma = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x).transpose(1, 2))
        y = self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + (self.gamma * y).transpose(1, 2)
