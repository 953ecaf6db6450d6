"""Who is speaking: an embedding in which recordings of one voice lie close together.

The network and the weights are Resemblyzer's (Jemine 2019, Apache License 2.0), which is GE2E (Wan et al. 2018): three
LSTM layers over 40 mel bands of 1.6 s windows. It is written anew here so that gradients pass and the package is
not needed to convert; ``evaluate`` uses the package, with its own trimming of silence.
"""

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from nuanced_speech import audio
from nuanced_speech.core.constants import DATA
from nuanced_speech.core.device import without_cudnn
from nuanced_speech.dsp.mel import mel_filters

WEIGHTS = DATA / "speaker_encoder.safetensors"
EMBEDDING_DIM = 256
BANDS, N_FFT, HOP_LENGTH = 40, 400, 160
WINDOW, STEP = 160, 77
LEVEL_DB = -30.0
# Where a quarter of a second is this much quieter than loud speech, there is a pause.
PAUSE_DB, SMOOTHING = 25.0, 25


class SpeakerEncoder(nn.Module):
    """Waveform at 16 kHz to an embedding ``[256]`` of length 1, all its numbers positive."""

    bands: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BANDS, EMBEDDING_DIM, 3, batch_first=True)
        self.linear = nn.Linear(EMBEDDING_DIM, EMBEDDING_DIM)
        rate = audio.WHISPER_SAMPLE_RATE
        bank = np.ascontiguousarray(mel_filters(N_FFT, BANDS, rate).T)
        self.register_buffer("bands", torch.from_numpy(bank), persistent=False)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
        self.eval().requires_grad_(False)

    def mel(self, wave: Tensor) -> Tensor:
        """Mel power spectra ``[B, frames, 40]``, 10 ms apart, of ``wave [B, T]``."""
        stft = torch.stft(wave, N_FFT, HOP_LENGTH, N_FFT, self.window, pad_mode="constant", return_complex=True)
        return stft.abs().square().transpose(1, 2) @ self.bands

    def forward(self, windows: Tensor) -> Tensor:
        """Embeddings ``[B, 256]`` of mel windows ``[B, 160, 40]``."""
        with without_cudnn():
            _, (hidden, _) = self.lstm(windows)
        return F.normalize(F.relu(self.linear(hidden[-1])), dim=-1)

    def whole(self, mel: Tensor) -> Tensor:
        """Embeddings ``[..., 256]`` of mel spectra ``[..., frames, 40]``: the mean over windows that overlap by
        half."""
        mel = F.pad(mel, (0, 0, 0, max(WINDOW - mel.shape[-2], 0)))
        windows = mel.unfold(-2, WINDOW, STEP).transpose(-1, -2)
        heard = self(windows.flatten(0, -3)).view(*windows.shape[:-2], EMBEDDING_DIM)
        return F.normalize(heard.mean(-2), dim=-1)

    @property
    def centres(self) -> np.ndarray:
        """The middle of each mel band in Hz, ``[40]``."""
        bands = self.bands.cpu().numpy()
        return np.linspace(0, audio.WHISPER_SAMPLE_RATE / 2, len(bands)) @ bands / bands.sum(0)

    def energies(self, mel: Tensor) -> Tensor:
        """How much is in each band, ``[..., 40]``, of mel spectra ``[..., 40]``, which say how much there is per Hz."""
        return mel * torch.from_numpy(np.gradient(self.centres)).to(mel)

    @torch.no_grad()
    def spoken(self, wave: np.ndarray, sample_rate: int) -> Tensor | None:
        """Mel spectra ``[frames, 40]`` of the speech in ``wave [T]``, pauses left out, at the network's level; None of
        silence."""
        heard = torch.from_numpy(audio.resample(wave, sample_rate, audio.WHISPER_SAMPLE_RATE)).to(self.bands.device)
        if not bool(heard.any()):
            return None
        mel = self.mel(heard[None])[0]
        power = F.avg_pool1d(mel.mean(1)[None], SMOOTHING, 1, SMOOTHING // 2, count_include_pad=False)[0]
        spoken = power > power.quantile(0.95) * 10 ** (-PAUSE_DB / 10)
        # the network hears levels: every recording is brought to the one that it was trained on
        level = heard.square().mean() * power[spoken].mean() / power.mean()
        return mel[spoken] * (10 ** (LEVEL_DB / 10) / level)

    @torch.no_grad()
    def embed(self, wave: np.ndarray, sample_rate: int) -> np.ndarray | None:
        """The embedding ``[256]`` of the speech in ``wave [T]``; None of silence."""
        mel = self.spoken(wave, sample_rate)
        return None if mel is None else self.whole(mel).cpu().numpy()
