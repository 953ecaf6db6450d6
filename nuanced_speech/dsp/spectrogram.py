"""Mel spectrograms for the eye: pictures of recordings."""

import numpy as np
import torch

from nuanced_speech.core.constants import FRAME_RATE
from nuanced_speech.dsp.mel import mel_filters

MAX_HZ = 8000.0
_N_MELS, _N_FFT, _WINDOW_SECONDS = 96, 2048, 0.04
_QUIETEST_MAXIMUM_DB = -30.0


def mel_db(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mel power spectrogram [96, frames] at 80 frames per second, in dB relative to its maximum (at most 0).

    The maximum is taken as at least -30 dB (about -75 dBFS of audio), so that silence stays dark.
    """
    window = torch.hann_window(round(_WINDOW_SECONDS * sample_rate))
    spectrum = torch.stft(
        torch.as_tensor(wave, dtype=torch.float32),
        n_fft=_N_FFT,
        hop_length=sample_rate // FRAME_RATE,
        win_length=len(window),
        window=window,
        pad_mode="constant",
        return_complex=True,
    )
    bank = mel_filters(_N_FFT, _N_MELS, sample_rate, 0.0, MAX_HZ, "htk", "peak")
    mel = torch.tensor(bank) @ spectrum.abs().square()
    level = 10 * torch.log10(mel.clamp(min=1e-10))
    return (level - level.max().clamp(min=_QUIETEST_MAXIMUM_DB)).numpy()
