"""Energy as Kokoro's decoder was trained to take it: "N" of StyleTTS 2 (Li et al. 2023).

N is the log of the L2 norm, over 80 mel bands, of the mel power spectrogram (n_fft 2048, Hann window 1200, hop 300 at
24 kHz). StyleTTS 2 left the mel bank's sample rate at 16 kHz, so its bands lie 1.5 times higher than their names say;
the decoder learned with that bank, so it is kept.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.core.constants import HOP_LENGTH, SAMPLE_RATE
from nuanced_speech.dsp.frames import frame_count
from nuanced_speech.dsp.mel import mel_filters

N_FFT = 2048
# 50 ms.
WIN_LENGTH = SAMPLE_RATE // 20
N_MELS = 80
# Hz: what StyleTTS 2's mel bank takes the rate of its 24 kHz audio for.
MEL_BANK_RATE = 16_000
FLOOR = 1e-5
# dB of one unit of the natural log of a power, as N is.
DECIBELS = 10 / np.log(10)

BLOCK_FRAMES = 4096


def energy(wave: np.ndarray, block_frames: int = BLOCK_FRAMES) -> np.ndarray:
    """N of a 24 kHz waveform float32 ``[T]``: float32 ``[2 * ceil(T / 600)]``, log units, 80 frames a second.

    Works in blocks of ``block_frames``, so that an hour needs no more memory than a minute. Doubling the amplitude adds
    ``2 * log(2)``; digital silence gives ``log(FLOOR * sqrt(N_MELS))``, about -9.3. Samples that are not finite count
    as silence.

    Raises:
        ValueError: the waveform is not one-dimensional.
    """
    if np.ndim(wave) != 1:
        raise ValueError(f"energy needs a mono waveform [T], got shape {np.shape(wave)}")
    clean = np.nan_to_num(np.asarray(wave, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    frames = frame_count(len(clean))
    padded = _pad(torch.from_numpy(clean)[None])
    blocks = []
    with torch.inference_mode():
        for start in range(0, frames, block_frames):
            end = min(start + block_frames, frames)
            blocks.append(_log_mel_norm(padded[:, start * HOP_LENGTH : (end - 1) * HOP_LENGTH + N_FFT])[0])
    return torch.cat(blocks).numpy() if blocks else np.zeros(0, dtype=np.float32)


def energy_torch(wave: Tensor) -> Tensor:
    """N of a batch of 24 kHz waveforms ``[B, T]``: ``[B, 2 * ceil(T / 600)]``, differentiable; see ``energy``."""
    frames = frame_count(wave.shape[-1])
    if frames == 0:
        return wave.new_zeros(wave.shape[0], 0)
    return _log_mel_norm(_pad(wave))[:, :frames]


def _pad(wave: Tensor) -> Tensor:
    """``[B, T]`` to ``[B, frames * HOP_LENGTH + N_FFT]``: silence up to whole units, then half a window each side."""
    wave = F.pad(wave, (0, frame_count(wave.shape[-1]) * HOP_LENGTH - wave.shape[-1]))
    # Mirroring needs more samples than it adds.
    mode = "reflect" if wave.shape[-1] > N_FFT // 2 else "constant"
    return F.pad(wave[:, None], (N_FFT // 2, N_FFT // 2), mode=mode)[:, 0]


def _log_mel_norm(padded: Tensor) -> Tensor:
    """Log norm of every whole window in ``[B, S]``: ``[B, 1 + (S - N_FFT) // HOP_LENGTH]``."""
    window = torch.hann_window(WIN_LENGTH, dtype=padded.dtype, device=padded.device)
    spectrum = torch.stft(padded, N_FFT, HOP_LENGTH, WIN_LENGTH, window, center=False, return_complex=True)
    # Not abs().square(): the root in between has no useful gradient where the spectrum is zero.
    power = torch.view_as_real(spectrum).square().sum(-1)
    bank = mel_filters(N_FFT, N_MELS, MEL_BANK_RATE, scale="htk", norm="peak")
    mel = torch.tensor(bank, dtype=power.dtype, device=power.device) @ power
    return (FLOOR + mel).norm(dim=1).log()
