"""The one mel spectrogram that acoustic models predict and vocoders speak from.

Its numbers are those of HiFi-GAN (Kong et al. 2020) and Tacotron 2 (Shen et al. 2018) on LJSpeech, so models trained
elsewhere on these data fit: 22,050 Hz, 80 bands up to 8 kHz, natural logarithm of the magnitude, floor 1e-5.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class MelConfig:
    """A mel spectrogram.

    Attributes:
        sample_rate: Hz.
        n_fft: samples in a frame, and in its window.
        hop_length: samples from frame to frame.
        n_mels: bands.
        fmin, fmax: edges of the lowest and the highest band, Hz.
        floor: magnitudes below it count as it.
        centred: frame k is centred on sample ``k * hop_length`` instead of half a hop later, so there is one more.
        htk: HTK's mel scale with bands of equal height instead of Slaney's with bands of equal area.
    """

    sample_rate: int = 22050
    n_fft: int = 1024
    hop_length: int = 256
    n_mels: int = 80
    fmin: float = 0.0
    fmax: float = 8000.0
    floor: float = 1e-5
    centred: bool = False
    htk: bool = False

    def frames(self, samples: int) -> int:
        """How many frames a waveform has."""
        return samples // self.hop_length + self.centred


MEL = MelConfig()


def magnitude(wave: Tensor, config: MelConfig = MEL) -> Tensor:
    """Magnitudes ``[B, n_fft // 2 + 1, frames]`` of ``wave [B, T]``."""
    edge = config.n_fft // 2 if config.centred else (config.n_fft - config.hop_length) // 2
    padded = F.pad(wave[:, None], (edge, edge), mode="reflect" if wave.shape[1] > edge else "constant")[:, 0]
    window = torch.hann_window(config.n_fft, device=wave.device)
    stft = torch.stft(padded, config.n_fft, config.hop_length, window=window, center=False, return_complex=True)
    # under the root, for a gradient that is finite in silence
    return (stft.real.square() + stft.imag.square() + 10 * config.floor**2).sqrt()


def mel_spectrogram(wave: Tensor, config: MelConfig = MEL) -> Tensor:
    """Log mel spectrogram ``[B, n_mels, frames]`` of ``wave [B, T]`` in [-1, 1] at the configured rate.

    ``frames`` is ``config.frames(T)``.
    """
    bands = mel_bank(config).to(wave.device)
    return (bands @ magnitude(wave, config)).clamp(min=config.floor).log()


@lru_cache
def mel_bank(config: MelConfig = MEL) -> Tensor:
    """Triangular bands ``[n_mels, n_fft // 2 + 1]``."""
    from transformers.audio_utils import mel_filter_bank

    bank = mel_filter_bank(
        config.n_fft // 2 + 1,
        config.n_mels,
        config.fmin,
        config.fmax,
        config.sample_rate,
        norm=None if config.htk else "slaney",
        mel_scale="htk" if config.htk else "slaney",
    )
    return torch.from_numpy(bank).float().T.contiguous()
