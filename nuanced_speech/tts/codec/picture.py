"""Pictures of a codec: use of each codebook by a recording, and the recording rebuilt with 1, 2, 4 … of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.core.files import replacing
from nuanced_speech.dsp.mel import MEL, MelConfig, hertz_to_mel, mel_spectrogram
from nuanced_speech.train.board import new_figure
from nuanced_speech.tts.codec.interface import AudioCodec, decode
from nuanced_speech.tts.codec.quantise import perplexity

MAX_SECONDS = 20.0
BLUE, ORANGE = "#0072b2", "#d55e00"


def prefixes(codebooks: int) -> list[int]:
    """1, 2, 4 … and all of them."""
    powers = [1 << k for k in range(codebooks.bit_length()) if 1 << k < codebooks]
    return [*powers, codebooks]


def draw(path: Path, codec: AudioCodec, wave: Tensor, codes: Tensor, title: str) -> None:
    """Draw ``wave [T]`` and its codes ``[K, F]`` into a PNG or SVG, by the name's suffix; only the first 20 s.

    Raises:
        UserError: the path cannot be written, or Matplotlib is not installed.
    """
    rate = codec.sample_rate
    frames = min(int(MAX_SECONDS * rate) // codec.hop_length, codes.shape[1])
    drawn = wave[: frames * codec.hop_length]
    rebuilt = {used: decode(codec, codes[:used, :frames])[: len(drawn)] for used in prefixes(len(codes))}

    rows = 1 + len(rebuilt)
    figure = new_figure(figsize=(13, 3.4 + 2.4 * rows), dpi=110, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", parse_math=False)
    grid = figure.add_gridspec(2, 1, height_ratios=[3.0, 2.4 * rows])
    top, bottom = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    _usage(top, codes, codec.entries)

    panels = bottom.subplots(rows, 2, sharex=True, squeeze=False, width_ratios=[1, 1.6])
    mel = replace(MEL, sample_rate=rate, fmax=min(MEL.fmax, rate / 2))
    reference = mel_spectrogram(drawn[None], mel)[0]
    limits = float(reference.max()) - 10.0, float(reference.max())
    named = {"recording": drawn} | {f"{n} codebook{'s' * (n > 1)}": piece for n, piece in rebuilt.items()}
    for row, (name, piece) in zip(panels, named.items(), strict=True):
        seconds = len(piece) / rate
        bands = mel_spectrogram(piece[None], mel)[0]
        row[0].plot(np.arange(len(piece)) / rate, piece.numpy(), lw=0.4, color=BLUE if name == "recording" else ORANGE)
        row[0].set(ylim=(-1, 1), ylabel="amplitude")
        difference = "" if name == "recording" else f" · mel distance {float((bands - reference).abs().mean()):.2f}"
        row[0].set_title(f"{name}{difference}", loc="left", fontsize=10)
        row[1].imshow(
            bands.numpy(),
            origin="lower",
            aspect="auto",
            extent=(0, seconds, 0, mel.n_mels),
            vmin=limits[0],
            vmax=limits[1],
        )
        ticks = [250, 1000, 2000, 4000, 8000]
        row[1].set_yticks([_band(hertz, mel) for hertz in ticks if hertz <= mel.fmax])
        row[1].set_yticklabels([str(hertz) for hertz in ticks if hertz <= mel.fmax])
        row[1].set_ylabel("mel, Hz")
    for axes in panels[-1]:
        axes.set_xlabel("seconds")
    with replacing(path) as temporary:
        figure.savefig(temporary)


def _usage(figure: Any, codes: Tensor, entries: int) -> None:
    counts = torch.stack([torch.bincount(book, minlength=entries) for book in codes])
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.6])
    numbers = np.arange(1, len(codes) + 1)
    left.bar(numbers - 0.2, perplexity(codes[None], entries).numpy(), 0.4, color=BLUE, label="perplexity")
    left.bar(numbers + 0.2, (counts > 0).sum(1).numpy(), 0.4, color=ORANGE, label="entries in use")
    left.set(xlabel="codebook", ylabel=f"of {entries} entries", xticks=numbers)
    left.set_title(f"codebook usage over {codes.shape[1]} frames", loc="left", fontsize=10)
    left.legend(fontsize=8)
    image = right.imshow(
        counts.sort(1, descending=True).values.clamp(min=0.5).log10().numpy(),
        aspect="auto",
        interpolation="nearest",
        extent=(0, entries, len(codes) + 0.5, 0.5),
        cmap="magma",
    )
    right.set(xlabel="entry, the most used first", ylabel="codebook", yticks=numbers)
    figure.colorbar(image, ax=right, label="log10 of how often")


def _band(hertz: float, mel: MelConfig) -> float:
    """Band number, with decimals, of a frequency in Hz."""
    low, high = (float(hertz_to_mel(edge, "slaney")) for edge in (mel.fmin, mel.fmax))
    return mel.n_mels * (float(hertz_to_mel(hertz, "slaney")) - low) / (high - low)
