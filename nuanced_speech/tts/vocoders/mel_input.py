"""Mel spectrograms for a vocoder to speak, from files."""

from pathlib import Path

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.numpy_files import read_array
from nuanced_speech.dsp.mel import MEL, MelConfig, mel_spectrogram
from nuanced_speech.tts import features

# A full-scale sine has about 3.
LOUDEST_LOG_MEL = 6.0


def read_mel(path: Path, config: MelConfig) -> np.ndarray:
    """Mel ``[80, frames]``, float32, of a file: ``.npz``, ``.npy`` or sound.

    Raises:
        UserError: the file cannot be read, or its mel is not of the vocoder's kind.
    """
    if path.suffix not in (".npz", ".npy"):
        wave = audio.read(path, config.sample_rate)
        return mel_spectrogram(torch.from_numpy(wave)[None], config)[0].numpy()
    if config != MEL:
        raise UserError(f"{path}: the vocoder has a mel of its own kind; give a recording, or use the default vocoder")
    if path.suffix == ".npz":
        return _checked(path, features.load(path).mel.T)
    mel = read_array(path, "an .npy file that can be read", "give a mel of shape (frames, bands) in one")
    floats = mel.ndim == 2 and mel.size and mel.shape[1] == MEL.n_mels and mel.dtype.kind == "f"
    if not floats or not np.isfinite(mel).all():
        raise UserError(
            f"{path}: {mel.dtype} of shape {mel.shape}; a mel is finite floats of shape (frames, {MEL.n_mels})"
        )
    return _checked(path, mel.T.astype(np.float32))


def _checked(path: Path, mel: np.ndarray) -> np.ndarray:
    """The mel ``[80, frames]``.

    Raises:
        UserError: no sound within [-1, 1] can have it.
    """
    if mel.max() > LOUDEST_LOG_MEL:
        raise UserError(f"{path}: values up to {mel.max():.1f} are no natural logarithms of magnitudes of sound")
    return mel
