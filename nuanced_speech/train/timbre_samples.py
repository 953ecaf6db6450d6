"""What the timbre surrogate is fitted to: timbres that Kokoro spoke with, and what was measured of its speech."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.core import tensor_files
from nuanced_speech.core.errors import ContentError, reading

# Columns of quality, and which way is better: share of passages with an octave drop (0 or 1), share of voiced frames
# that came out unvoiced, harmonics-to-noise ratio in dB. No judge of the benchmark is among them.
BETTER = (-1.0, -1.0, 1.0)


@dataclass(frozen=True)
class TimbreSamples:
    """Spoken samples and their speaker embeddings: timbres ``[N, 128]``, log2 F0 ``[N]``, embeddings ``[N, 256]``, and
    ``quality [N, 3]``, NaN where it was not measured."""

    timbre: Tensor
    log_f0: Tensor
    embedding: Tensor
    quality: Tensor

    def __len__(self) -> int:
        return len(self.timbre)

    @classmethod
    def joined(cls, parts: list["TimbreSamples"]) -> "TimbreSamples":
        """All samples of several."""
        return cls(*(torch.cat([getattr(p, name) for p in parts]) for name in cls.__annotations__))


def cleanness(quality: Tensor) -> Tensor:
    """One figure ``[N]`` for the columns of quality ``[N, 3]``: the mean of what each is better than average, in its
    standard deviations, as standard deviations of these means; NaN where nothing was measured."""
    measured = quality[quality.isfinite().any(1)]
    if not len(measured):
        return torch.full((len(quality),), torch.nan)
    mean = measured.nanmean(0)
    deviation = (measured - mean).square().nanmean(0).sqrt().clamp(min=1e-6)
    means = ((quality - mean) / deviation * torch.tensor(BETTER)).nanmean(1)
    return means / means.square().nanmean().sqrt()


def read_samples(folder: Path, before: int) -> TimbreSamples:
    """Those of the corpora, of random timbres and of the rounds before one."""
    paths = [*sorted(folder.glob("corpus-*.safetensors"))]
    paths += [p for p in sorted(folder.glob("round-*.safetensors")) if int(p.stem.split("-")[1]) < before]
    return TimbreSamples.joined([_read(path) for path in paths])


def write(path: Path, samples: TimbreSamples) -> None:
    """Keep samples in a file, whole or not at all."""
    with audio.replacing(path) as temporary:
        save_file({name: value.float().contiguous() for name, value in vars(samples).items()}, temporary)


def _read(path: Path) -> TimbreSamples:
    with reading(path, "samples of timbres", "remove it and train again"):
        tensors = tensor_files.load(path, checked=True).tensors
        # what was not measured of the quality is NaN
        tensor_files.check_finite({name: value for name, value in tensors.items() if name != "quality"})
        if tensors["quality"].shape[1:] != (len(BETTER),):
            raise ContentError("samples of another version, which measured cleanness otherwise")
        return TimbreSamples(**tensors)


def shard_path(folder: Path, turn: int, number: int) -> Path:
    """File of the samples of a round, of which random timbres are round 0."""
    return folder / f"round-{turn}-{number:05d}.safetensors"
