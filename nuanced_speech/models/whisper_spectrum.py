"""Whisper's log mel spectrum of recordings of hours: ``whisper.audio.log_mel_spectrogram`` in bounded memory.

That function holds the complex spectrum of all of a recording, 0.6 GB for an hour, and its size twice.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from whisper.audio import HOP_LENGTH, N_FFT, N_SAMPLES, log_mel_spectrogram, mel_filters

# Frames of 10 ms whose complex spectra are there at once: those of ten minutes.
FRAMES_AT_ONCE = 60_000


def log_mel(wave: np.ndarray, bands: int, frames_at_once: int = FRAMES_AT_ONCE) -> Tensor:
    """The log mel spectrum ``[bands, T / 160 + 3000]`` of ``wave [T]`` at 16 kHz, with 30 s of silence after it.

    It is that of ``whisper.audio.log_mel_spectrogram``, to the last bit.

    Args:
        wave: the recording.
        bands: number of bands.
        frames_at_once: frames whose complex spectra are held at the same time.
    """
    wave = np.asarray(wave, np.float32)
    if len(wave) + N_SAMPLES <= frames_at_once * HOP_LENGTH:
        return log_mel_spectrogram(wave, bands, padding=N_SAMPLES)
    side = N_FFT // 2
    padded = F.pad(F.pad(torch.from_numpy(wave), (0, N_SAMPLES))[None], (side, side), mode="reflect")[0]
    frames, window = (len(padded) - N_FFT) // HOP_LENGTH, torch.hann_window(N_FFT)
    # in the order in memory that torch gives spectra, on which the last bits of the sum over bins depend
    power = torch.empty(frames, N_FFT // 2 + 1)
    for first in range(0, frames, frames_at_once):
        last = min(first + frames_at_once, frames)
        part = padded[first * HOP_LENGTH : (last - 1) * HOP_LENGTH + N_FFT]
        spectrum = torch.stft(part, N_FFT, HOP_LENGTH, window=window, center=False, return_complex=True)
        power[first:last] = spectrum.abs().square_().T
    mel = (mel_filters("cpu", bands) @ power.T).clamp_(min=1e-10).log10_()
    return torch.maximum(mel, mel.max() - 8.0).add_(4.0).div_(4.0)
