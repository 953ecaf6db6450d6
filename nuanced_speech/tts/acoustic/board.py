"""What an acoustic training shows in TensorBoard: losses, mels, alignments, and how it sounds."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core.files import replacing
from nuanced_speech.dsp.mel import MEL
from nuanced_speech.train.board import Board, coloured, new_figure
from nuanced_speech.tts.vocoders import Vocoder


class AcousticBoard(Board):
    """The log of an acoustic model."""

    pictures = True

    def mels(self, predicted: Tensor, true: Tensor, step: int) -> None:
        """Two log mel spectrograms ``[frames, 80]``, the predicted above the true."""
        gap = torch.full((4, true.shape[0]), float(true.min()))
        both = torch.cat([predicted.T.flip(0), gap, true.T.flip(0)])
        self.writer.add_image("mel, predicted above true", picture(both, "magma"), step, dataformats="HWC")

    def alignment(self, weights: Tensor, step: int) -> None:
        """Attention ``[steps, T]``: decoder steps to the right, phonemes upwards."""
        self.writer.add_image("alignment", picture(weights.T.flip(0), "viridis"), step, dataformats="HWC")

    def sound(self, name: str, mel: Tensor, vocoder: Vocoder, step: int) -> None:
        """A mel ``[frames, 80]`` spoken by a vocoder."""
        with torch.no_grad():
            wave = vocoder(mel.T[None].float().cpu())[0]
        self.writer.add_audio(name, wave.clamp(-1, 1)[None], step, MEL.sample_rate)


def picture(values: Tensor, colours: str, scale: int = 3) -> np.ndarray:
    """``[H, W]`` of numbers as colours ``[H * scale, W * scale, 3]``."""
    low, high = float(values.min()), float(values.max())
    pixels = ((values - low) / max(high - low, 1e-6)).float().cpu().numpy()
    image = coloured(pixels, colours)
    return (image.repeat(scale, 0).repeat(scale, 1) * 255).astype(np.uint8)


def draw_alignment(path: Path, weights: np.ndarray, phonemes: str, seconds: float) -> None:
    """A picture of attention ``[steps, T]``: time to the right, phonemes (silence at both ends) upwards.

    Raises:
        UserError: the file cannot be written, or Matplotlib is not installed.
    """
    figure = new_figure(figsize=(8, 1.5 + 0.12 * len(phonemes)), layout="constrained")
    axes = figure.add_subplot()
    extent = (0.0, seconds, -0.5, weights.shape[1] - 0.5)
    image = axes.imshow(weights.T, aspect="auto", origin="lower", extent=extent, interpolation="none", vmin=0, vmax=1)
    axes.set_yticks(range(weights.shape[1]), ["·", *phonemes, "·"], fontsize=7)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("phoneme")
    figure.colorbar(image, label="attention")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
