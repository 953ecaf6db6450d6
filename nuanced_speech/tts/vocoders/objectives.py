"""What each vocoder learns by."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nuanced_speech.tts.mel import MEL, magnitude, mel_spectrogram
from nuanced_speech.tts.vocoders.source_filter import SourceFilter, pulse_train, to_bins
from nuanced_speech.tts.vocoders.stft import stft

# Loudness grows about with this power of magnitude (Stevens).
COMPRESSION = 0.3


class MagnitudeRegression:
    """The source-filter model: F0 as a class, magnitudes by their logarithm and by their loudness."""

    def __init__(self) -> None:
        self.model = SourceFilter()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), weight_decay=1e-3)

    def step(self, wave: Tensor, f0: Tensor, lr: float) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        mel = mel_spectrogram(wave)
        scores = self.model.pitch(mel)
        pitch = F.cross_entropy(scores, to_bins(f0), label_smoothing=0.05)
        log_error, loudness_error = self._errors(wave, mel, f0)
        self.optimizer.zero_grad()
        (0.2 * pitch + log_error + loudness_error).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return {"f0": pitch.item(), "log": log_error.item(), "loudness": loudness_error.item()}

    @torch.no_grad()
    def validate(self, wave: Tensor, f0: Tensor) -> float:
        mel = mel_spectrogram(wave)
        log_error, loudness_error = self._errors(wave, mel, self.model.f0(mel))
        return (log_error + loudness_error).item()

    def _errors(self, wave: Tensor, mel: Tensor, f0: Tensor) -> tuple[Tensor, Tensor]:
        source = stft(pulse_train(f0, MEL), MEL).abs()
        harmonic, noise = self.model.magnitudes(mel, f0, source)
        wanted, got = magnitude(wave), harmonic + noise
        log_error = ((got + 1e-3).log() - (wanted + 1e-3).log()).abs().mean()
        return log_error, (got**COMPRESSION - wanted**COMPRESSION).abs().mean() * 3

    def state(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])


OBJECTIVES = {"source-filter": MagnitudeRegression}
