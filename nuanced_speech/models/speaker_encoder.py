"""The speaker encoder: an embedding in which recordings of one voice lie close together.

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
from nuanced_speech.audio.gate import LOUD_PERCENTILE, active_frames, decibels
from nuanced_speech.core.constants import DATA, SPEAKER_DIM
from nuanced_speech.core.device import without_cudnn
from nuanced_speech.dsp.differentiable_resampling import at_whisper_rate
from nuanced_speech.dsp.mel import mel_filters

WEIGHTS = DATA / "speaker_encoder.safetensors"
BANDS, N_FFT, HOP_LENGTH = 40, 400, 160
WINDOW, STEP = 160, 77
LEVEL_DB = -30.0
# Where a quarter of a second is this much quieter than loud speech, there is a pause.
PAUSE_DB, SMOOTHING = 25.0, 25
# Where speakers are the same, in cosine, and how gradual that is: steep, or many pieces of one speaker would outweigh
# a few of another. Of LibriSpeech in pieces of 2 to 4 s (longer), 95 % of one speaker's cosines lie above 0.70 (0.81),
# of two speakers' below 0.64 (0.70).
SAME_SPEAKER, UNSURE = 0.7, 0.025
# Length of what is transformed at once, so that an hour needs little memory.
_BLOCK_SECONDS = 60


class SpeakerEncoder(nn.Module):
    """Waveform at 16 kHz to an embedding ``[256]`` of length 1, all its numbers positive."""

    bands: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BANDS, SPEAKER_DIM, 3, batch_first=True)
        self.linear = nn.Linear(SPEAKER_DIM, SPEAKER_DIM)
        bank = mel_filters(N_FFT, BANDS, audio.WHISPER_SAMPLE_RATE)
        self.register_buffer("bands", torch.tensor(bank.T), persistent=False)
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

    def embed_mel(self, mel: Tensor) -> Tensor:
        """Embeddings ``[..., 256]`` of mel spectra ``[..., frames, 40]``: the mean over windows that overlap by
        half."""
        mel = F.pad(mel, (0, 0, 0, max(WINDOW - mel.shape[-2], 0)))
        windows = mel.unfold(-2, WINDOW, STEP).transpose(-1, -2)
        embeddings = self(windows.flatten(0, -3)).view(*windows.shape[:-2], SPEAKER_DIM)
        return F.normalize(embeddings.mean(-2), dim=-1)

    @property
    def centres(self) -> np.ndarray:
        """The middle of each mel band in Hz, ``[40]``."""
        bands = self.bands.cpu().numpy()
        return np.linspace(0, audio.WHISPER_SAMPLE_RATE / 2, len(bands)) @ bands / bands.sum(0)

    def energies(self, mel: Tensor) -> Tensor:
        """How much is in each band, ``[..., 40]``, of mel spectra ``[..., 40]``, which say how much there is per Hz."""
        return mel * torch.from_numpy(np.gradient(self.centres)).to(mel)

    @torch.no_grad()
    def speech_mel(self, wave: np.ndarray, sample_rate: int) -> Tensor | None:
        """Mel spectra ``[frames, 40]`` of the speech in ``wave [T]``, pauses left out, at the network's level; None of
        silence."""
        samples = torch.from_numpy(audio.resample(wave, sample_rate, audio.WHISPER_SAMPLE_RATE)).to(self.bands.device)
        if not bool(samples.any()):
            return None
        mel = self.mel(samples[None])[0]
        power = F.avg_pool1d(mel.mean(1)[None], SMOOTHING, 1, SMOOTHING // 2, count_include_pad=False)[0]
        speech = torch.from_numpy(_speech(power.cpu().numpy())).to(mel.device)
        # the embedding depends on the level: every recording is brought to the one of the training data
        level = samples.square().mean() * power[speech].mean() / power.mean()
        return mel[speech] * (10 ** (LEVEL_DB / 10) / level)

    @torch.no_grad()
    def spoken_mel(self, wave: np.ndarray, sample_rate: int) -> tuple[np.ndarray, Tensor]:
        """Numbers of the frames of ``wave [T]`` that hold speech, 10 ms each, and their mel spectra ``[frames, 40]``.

        The mean of a frame is its power.
        """
        block = _BLOCK_SECONDS * sample_rate
        mels, energy = [], 0.0
        for start in range(0, len(wave), block):
            samples = audio.resample(wave[start : start + block], sample_rate, audio.WHISPER_SAMPLE_RATE)
            energy += float(np.square(samples, dtype=np.float64).sum()) / HOP_LENGTH
            mel = self.mel(torch.from_numpy(samples).to(self.bands.device)[None])[0]
            # the frame at the end of a block is the first of the next one
            mels.append(mel[: len(samples) // HOP_LENGTH])
        mel = torch.cat(mels) if mels else torch.zeros(0, BANDS)
        if not bool(mel.any()):
            return np.zeros(0, int), mel[:0]
        power = F.avg_pool1d(mel.mean(1)[None], SMOOTHING, 1, SMOOTHING // 2, count_include_pad=False)[0]
        frames = np.flatnonzero(_speech(power.cpu().numpy()))
        return frames, mel[torch.from_numpy(frames).to(mel.device)] * (energy / float(mel.mean(1).sum()))

    @torch.no_grad()
    def embed(self, wave: np.ndarray, sample_rate: int) -> np.ndarray | None:
        """The embedding ``[256]`` of the speech in ``wave [T]``; None of silence."""
        mel = self.speech_mel(wave, sample_rate)
        return None if mel is None else self.embed_mel(mel).cpu().numpy()

    def embed_waves(self, waves: Tensor) -> Tensor:
        """Embeddings ``[B, 256]`` of ``waves [B, T]`` at 24 kHz, T a multiple of 3, with gradients; pauses count."""
        return self.embed_mel(self.levelled_mel(waves))

    def levelled_mel(self, waves: Tensor) -> Tensor:
        """Mel spectra ``[B, frames, 40]`` of ``waves [B, T]`` at 24 kHz, T a multiple of 3, at the network's level,
        with gradients; pauses count."""
        waves_16k = at_whisper_rate(waves)
        level = waves_16k.square().mean(-1, keepdim=True).sqrt().clamp(min=1e-6)
        return self.mel(waves_16k * (10 ** (LEVEL_DB / 20) / level))


def same_speaker(embeddings: Tensor) -> Tensor:
    """How surely the speakers of pieces are the same, 0 to 1 ``[P, P]``, from embeddings ``[P, 256]`` of length 1."""
    return torch.sigmoid((embeddings @ embeddings.T - SAME_SPEAKER) / UNSURE)


def _speech(power: np.ndarray) -> np.ndarray:
    """Which frames hold speech, bool ``[frames]``, by their power ``[frames]``."""
    with np.errstate(divide="ignore"):
        loud = float(decibels(np.percentile(power, LOUD_PERCENTILE), 0.0))
        return active_frames(decibels(power.astype(np.float64), 0.0), PAUSE_DB, loud)
