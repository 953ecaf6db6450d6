"""Vocoders: mel spectrogram ``[B, n_mels, frames]`` → waveform ``[B, frames * hop_length]``."""

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.audio.limiter import limit
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import Progress
from nuanced_speech.dsp.mel import MelConfig

WEIGHTS = Path(__file__).parent.parent.parent / "data" / "vocoder.safetensors"
# frames: half a minute at a time, and what the networks see beyond it on either side
PASSAGE, OVERLAP = 2584, 64
NAMES = ("default", "griffin-lim", "vocos")


class Vocoder(Protocol):
    """Speaks mel spectrograms of the kind that ``mel`` describes."""

    mel: MelConfig

    def __call__(self, mel: Tensor) -> Tensor:
        """``[B, n_mels, frames]`` to ``[B, frames * hop_length]``."""
        ...


def load(name: str | Path = "default") -> Vocoder:
    """A vocoder by name, or one that ``tts train-vocoder`` saved by its file.

    Raises:
        UserError: no such vocoder, or weights that cannot be had.
    """
    if name == "griffin-lim":
        from nuanced_speech.tts.vocoders.griffin_lim import GriffinLim

        return GriffinLim()
    from nuanced_speech.tts.vocoders import files

    if name == "default":
        return files.load(WEIGHTS)
    if name == "vocos":
        from nuanced_speech.tts.vocoders.vocos import Vocos

        return Vocos.pretrained()
    if Path(name).suffix == ".safetensors":
        return files.load(Path(name))
    raise UserError(f"no vocoder {str(name)!r}: give {', '.join(NAMES)} or a file that tts train-vocoder wrote")


def speak(mel: np.ndarray, vocoder: Vocoder, progress: Progress = lambda share: None) -> np.ndarray:
    """Waveform ``[frames * hop_length]``, below full scale, of ``mel [n_mels, frames]``, passage by passage, so that
    memory does not grow with the length. ``progress`` is told the share that is done."""
    frames, hop = mel.shape[1], vocoder.mel.hop_length
    parts = []
    for start in range(0, frames, PASSAGE):
        first, last = max(start - OVERLAP, 0), min(start + PASSAGE + OVERLAP, frames)
        with torch.no_grad():
            wave = vocoder(torch.from_numpy(np.ascontiguousarray(mel[:, first:last]))[None])[0].numpy()
        skip = (start - first) * hop
        parts.append(wave[skip : skip + (min(start + PASSAGE, frames) - start) * hop])
        progress(min((start + PASSAGE) / frames, 1.0))
    return limit(np.concatenate(parts), vocoder.mel.sample_rate)
