"""What each vocoder learns by."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nuanced_speech.core import precision
from nuanced_speech.dsp.mel import MEL, magnitude, mel_spectrogram
from nuanced_speech.train.descent import descend
from nuanced_speech.train.losses import discriminator_loss, feature_matching_loss, generator_loss
from nuanced_speech.train.processes import ALONE, Processes
from nuanced_speech.train.schedule import set_rates
from nuanced_speech.tts.vocoders.hifigan import V1, V2, Discriminators, HiFiGAN, HiFiGANConfig
from nuanced_speech.tts.vocoders.source_filter import SourceFilter, SourceFilterConfig, source_spectrum, to_bins
from nuanced_speech.tts.vocoders.waveglow import PAPER, WaveGlow, WaveGlowConfig

# Loudness grows about with this power of magnitude (Stevens).
COMPRESSION = 0.3


class _Objective:
    """Networks that learn and how each is moved: what is put on a device, saved and taken up again.

    ``model`` is the vocoder; ``networks`` and ``optimizers`` go by the same names.
    """

    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    processes: Processes = ALONE

    def join(self, processes: Processes) -> None:
        self.processes = processes

    def to(self, device: torch.device) -> None:
        for network in self.networks.values():
            network.to(device)

    def state(self) -> dict[str, Any]:
        return {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
            self.optimizers[name].load_state_dict(state["optimizers"][name])

    def _update(self, name: str, loss: Tensor, lr: float, largest_gradient: float = math.inf) -> None:
        set_rates(self.optimizers[name], lr)
        descend(self.optimizers[name], self.networks[name].parameters(), loss, largest_gradient, self.processes)


class MagnitudeRegression(_Objective):
    """The source-filter model: F0 as a class, magnitudes by their logarithm and by their loudness."""

    def __init__(self, config: SourceFilterConfig | None = None) -> None:
        self.model = SourceFilter(config)
        self.networks = {"model": self.model}
        self.optimizers = {"model": torch.optim.AdamW(self.model.parameters(), weight_decay=1e-3)}

    def step(self, wave: Tensor, f0: Tensor, lr: float) -> dict[str, float]:
        mel = mel_spectrogram(wave)
        with self._cheaper(wave):
            scores = self.model.pitch(mel)
        pitch = F.cross_entropy(scores.float(), to_bins(f0), label_smoothing=0.05)
        log_error, loudness_error = self._errors(wave, mel, f0)
        self._update("model", 0.2 * pitch + log_error + loudness_error, lr, 1.0)
        return {"f0": pitch.item(), "log": log_error.item(), "loudness": loudness_error.item()}

    @torch.no_grad()
    def validate(self, wave: Tensor, f0: Tensor) -> float:
        mel = mel_spectrogram(wave)
        log_error, loudness_error = self._errors(wave, mel, self.model.f0(mel))
        return (log_error + loudness_error).item()

    def _cheaper(self, wave: Tensor) -> torch.autocast:
        """The networks, not what surrounds them, may be computed in half of the bits."""
        return precision.autocast(wave.device)

    def _errors(self, wave: Tensor, mel: Tensor, f0: Tensor) -> tuple[Tensor, Tensor]:
        with self._cheaper(wave):
            harmonic, noise = self.model.fine_structure(mel, f0)
        predicted = self.model.magnitudes(mel, source_spectrum(f0, MEL).abs(), harmonic, noise)
        target = magnitude(wave)
        # what is far below the frame's peak is masked
        floor = 0.01 * target.amax(1, keepdim=True) + 1e-3
        log_error = ((predicted + floor).log() - (target + floor).log()).abs().mean()
        return log_error, (predicted**COMPRESSION - target**COMPRESSION).abs().mean() * 3


class Adversarial(_Objective):
    """HiFi-GAN: the generator against its discriminators, by least squares, with the features of the discriminators'
    layers (weight 2) and the mel (weight 45) compared as well.

    ``discriminator_width`` is 1024 in the paper; 128 is what a processor can afford.
    """

    def __init__(self, config: HiFiGANConfig = V2, discriminator_width: int = 128) -> None:
        self.model = HiFiGAN(config)
        self.discriminators = Discriminators(discriminator_width)
        self.networks = {"model": self.model, "discriminators": self.discriminators}
        self.optimizers = {
            name: torch.optim.AdamW(network.parameters(), betas=(0.8, 0.99), weight_decay=0.01)
            for name, network in self.networks.items()
        }

    def step(self, wave: Tensor, f0: Tensor, lr: float) -> dict[str, float]:
        mel = mel_spectrogram(wave)
        rendered = self.model(mel)

        real, _ = self.discriminators(wave)
        fake, _ = self.discriminators(rendered.detach())
        discriminator = discriminator_loss(real, fake)
        self._update("discriminators", discriminator, lr)

        with torch.no_grad():
            _, real_features = self.discriminators(wave)
        fake, fake_features = self.discriminators(rendered)
        mel_error = (mel_spectrogram(rendered) - mel).abs().mean()
        matching = feature_matching_loss(real_features, fake_features)
        generator = generator_loss(fake)
        self._update("model", generator + 2 * matching + 45 * mel_error, lr)
        return {
            "mel": mel_error.item(),
            "generator": generator.item(),
            "matching": matching.item(),
            "discriminator": discriminator.item(),
        }

    @torch.no_grad()
    def validate(self, wave: Tensor, f0: Tensor) -> float:
        mel = mel_spectrogram(wave)
        return (mel_spectrogram(self.model(mel)) - mel).abs().mean().item()


class Likelihood(_Objective):
    """WaveGlow: the exact likelihood of the recordings."""

    def __init__(self, config: WaveGlowConfig | None = None) -> None:
        self.model = WaveGlow(config)
        self.networks = {"model": self.model}
        self.optimizers = {"model": torch.optim.Adam(self.model.parameters())}

    def step(self, wave: Tensor, f0: Tensor, lr: float) -> dict[str, float]:
        loss = self.model.negative_log_likelihood(wave, mel_spectrogram(wave))
        self._update("model", loss, lr, 1.0)
        return {"nats": loss.item()}

    @torch.no_grad()
    def validate(self, wave: Tensor, f0: Tensor) -> float:
        return self.model.negative_log_likelihood(wave, mel_spectrogram(wave)).item()


# By model and size: what a processor can train, and what the papers have.
OBJECTIVES: dict[tuple[str, str], Callable[[], Any]] = {
    ("source-filter", "small"): MagnitudeRegression,
    ("hifigan", "small"): Adversarial,
    ("hifigan", "paper"): lambda: Adversarial(V1, 1024),
    ("waveglow", "small"): Likelihood,
    ("waveglow", "paper"): lambda: Likelihood(PAPER),
}
