"""A small pitch network: SwiftF0 (Nieradzik 2025), in PyTorch.

18 558 weights, trained by its author on speech, singing and instruments; the weights (MIT licence, see
``data/swift_f0.LICENSE.txt``) come from the ``swift-f0`` package and give the same numbers here to 1e-5. Running it
in PyTorch saves a second inference engine, and gives what the package does not: a score for every pitch in every
frame, for a path search over the whole recording.

``python -m nuanced_speech.dsp.swift_f0 MODEL.onnx WEIGHTS.safetensors`` makes the weights file again.
"""

import hashlib
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nuanced_speech.core.constants import DATA
from nuanced_speech.dsp.mel import triangles
from nuanced_speech.dsp.pitch_path import HOP_LENGTH, LOWEST_HZ, N_FFTS, N_PITCHES, PITCHES_HZ, SAMPLE_RATE

WEIGHTS = DATA / "swift_f0.safetensors"

_BANDS = 128
_WIDTH = 12
# (kernel, dilation) along frequency and kernel along time of each residual block. The dilations, in steps of 0.7
# semitones, reach from one harmonic to the next: 17 is an octave, 27 a twelfth.
_BLOCKS = (((7, 3), 1), ((7, 1), 17), ((5, 1), 27), ((3, 1), 40), ((3, 1), 48), ((7, 3), 2))
_LOG_FLOOR = 1e-8


class PitchNet(nn.Module):
    """Scores of pitch and of voicing from the magnitude spectra of ``spectra``."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(len(N_FFTS), _WIDTH, 3, padding=1)
        self.blocks = nn.ModuleList(_Block(kernel, dilation) for kernel, dilation in _BLOCKS)
        self.neck = nn.Conv2d(_WIDTH, 4, 3)
        self.evidence = nn.Conv2d(4, 4, (5, 1), padding=(2, 0))
        self.pitch = nn.Conv2d(4, 1, 1)
        self.voicing = nn.Sequential(nn.Conv1d(5, 16, 3, padding=1), nn.ReLU(), nn.Conv1d(16, 1, 1))

    def forward(self, magnitudes: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Score every frame.

        Args:
            magnitudes: for each of N_FFTS, ``[n_fft // 2 + 1, frames]``.

        Returns:
            pitch scores ``[frames, N_PITCHES]`` (log-probabilities but for a constant) and voicing ``[frames]``, the
            logit of the probability that the frame is voiced.
        """
        bands = [bank @ magnitude for bank, magnitude in zip(_pitch_banks(), magnitudes, strict=True)]
        picture = torch.log(torch.stack(bands) + _LOG_FLOOR)[None]
        hidden = F.relu(self.stem(picture))
        for block in self.blocks:
            hidden = block(hidden)
        # One band above the highest pitch, and padding for the one below the lowest.
        hidden = F.relu(self.neck(F.pad(hidden[:, :, : N_PITCHES + 1], (1, 1, 1, 0))))
        strongest = self.evidence(hidden).amax(dim=2)
        loudness = picture.mean(dim=(1, 2))[:, None]
        voicing = self.voicing(torch.cat([strongest, loudness], dim=1))
        return self.pitch(hidden)[0, 0].T, voicing[0, 0]


class _Block(nn.Module):
    def __init__(self, kernel: tuple[int, int], dilation: int) -> None:
        super().__init__()
        padding = (kernel[0] // 2 * dilation, kernel[1] // 2)
        self.first = nn.Conv2d(_WIDTH, _WIDTH, kernel, padding=padding, dilation=(dilation, 1))
        self.second = nn.Conv2d(_WIDTH, _WIDTH, kernel, padding=padding, dilation=(dilation, 1))

    def forward(self, hidden: Tensor) -> Tensor:
        return F.relu(hidden + self.second(F.relu(self.first(hidden))))


def spectra(wave: Tensor, first: int, last: int) -> list[Tensor]:
    """Magnitude spectra of frames first to last - 1 of a 16 kHz waveform ``[T]``, one ``[n_fft // 2 + 1, frames]`` for
    each of N_FFTS. Frame k is centred at sample k * HOP_LENGTH; outside the waveform is silence."""
    magnitudes = []
    for n_fft in N_FFTS:
        start, end = first * HOP_LENGTH - n_fft // 2, (last - 1) * HOP_LENGTH + n_fft // 2
        inside = wave[max(start, 0) : max(end, 0)]
        before = max(-start, 0)
        padded = F.pad(inside, (before, end - start - before - len(inside)))
        window = torch.hann_window(n_fft, device=wave.device)
        spectrum = torch.stft(padded, n_fft, HOP_LENGTH, window=window, center=False, return_complex=True)
        magnitudes.append(spectrum.abs())
    return magnitudes


@lru_cache(maxsize=1)
def pitch_net() -> PitchNet:
    """The network with its shipped weights, loaded once."""
    net = PitchNet()
    net.load_state_dict(load_file(WEIGHTS))
    return net.eval().requires_grad_(False)


@lru_cache(maxsize=1)
def _pitch_banks() -> list[Tensor]:
    """For each of N_FFTS, ``[_BANDS, n_fft // 2 + 1]``: triangles around the pitches, continued upwards, each summing
    to 1. Where the spectrum is coarser than the pitches a band is the nearest bin."""
    ratio = PITCHES_HZ[1] / PITCHES_HZ[0]
    corners = LOWEST_HZ * ratio ** np.arange(-1, _BANDS + 1)
    centres = corners[1:-1]
    banks = []
    for n_fft in N_FFTS:
        frequencies = np.arange(n_fft // 2 + 1) * SAMPLE_RATE / n_fft
        bank = triangles(corners, frequencies)
        empty = np.flatnonzero(bank.sum(1) == 0)
        bank[empty, np.abs(frequencies - centres[empty, None]).argmin(1)] = 1
        banks.append(torch.from_numpy(bank / bank.sum(1, keepdims=True)).float())
    return banks


def convert(onnx_path: str, weights_path: str) -> None:
    """Write the weights inside the ``swift-f0`` package's ``model.onnx`` as safetensors, with their source.

    Raises:
        ValueError: the file holds another network than SwiftF0 0.3.0's.
    """
    import onnx  # only this conversion needs it

    graph = onnx.load(onnx_path).graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    names = ["stem"]
    names += [f"blocks.{index}.{part}" for index in range(len(_BLOCKS)) for part in ("first", "second")]
    names += ["neck", "evidence", "pitch", "voicing.0", "voicing.2"]
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    if len(convolutions) != len(names):
        raise ValueError(f"{onnx_path} has {len(convolutions)} convolutions, SwiftF0 0.3.0 has {len(names)}")
    weights = {}
    for name, node in zip(names, convolutions, strict=True):
        for part, source in zip(("weight", "bias"), node.input[1:], strict=True):
            weights[f"{name}.{part}"] = torch.from_numpy(arrays[source].copy())
    expected = {name: parameter.shape for name, parameter in PitchNet().state_dict().items()}
    if {name: weight.shape for name, weight in weights.items()} != expected:
        raise ValueError(f"{onnx_path} holds weights of other shapes than SwiftF0 0.3.0's")
    digest = hashlib.sha256(Path(onnx_path).read_bytes()).hexdigest()
    source = "PyPI swift-f0 0.3.0, model.onnx, MIT licence, Copyright (c) 2025-2026 Lars Nieradzik"
    save_file(weights, weights_path, metadata={"source": source, "sha256": digest})


if __name__ == "__main__":
    convert(*sys.argv[1:])
