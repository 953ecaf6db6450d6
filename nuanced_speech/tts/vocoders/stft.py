"""STFT whose frame k is centred on the hop ``k * hop_length`` to ``(k + 1) * hop_length``, as the mel's frames are, and
its inverse: ``frames`` frames are ``frames * hop_length`` samples, both ways."""

import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.dsp.mel import MelConfig


def stft(wave: Tensor, config: MelConfig) -> Tensor:
    """Complex ``[B, n_fft // 2 + 1, frames]`` of ``wave [B, frames * hop_length]``."""
    edge = (config.n_fft - config.hop_length) // 2
    window = torch.hann_window(config.n_fft, device=wave.device)
    padded = F.pad(wave, (edge, edge))
    return torch.stft(padded, config.n_fft, config.hop_length, window=window, center=False, return_complex=True)


def inverse_stft(spectrum: Tensor, config: MelConfig) -> Tensor:
    """Waveform ``[B, frames * hop_length]`` of ``spectrum [B, n_fft // 2 + 1, frames]``: windowed, overlapped, added,
    and divided by what the windows add up to."""
    frames, edge = spectrum.shape[-1], (config.n_fft - config.hop_length) // 2
    window = torch.hann_window(config.n_fft, device=spectrum.device)
    pieces = torch.fft.irfft(spectrum, config.n_fft, dim=1) * window[None, :, None]
    length = (frames - 1) * config.hop_length + config.n_fft
    wave = _overlap_add(pieces, length, config)
    weight = _overlap_add(window.square()[None, :, None].expand(1, -1, frames), length, config)
    inside = slice(edge, edge + frames * config.hop_length)
    return wave[:, inside] / weight[:, inside].clamp(min=1e-8)


def _overlap_add(pieces: Tensor, length: int, config: MelConfig) -> Tensor:
    folded = F.fold(pieces, (1, length), kernel_size=(1, config.n_fft), stride=(1, config.hop_length))
    return folded[:, 0, 0]
