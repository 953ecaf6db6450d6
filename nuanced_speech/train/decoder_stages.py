"""What the fast decoder learns by after the spectra: the likeness of the speaker, then discriminators.

Beside discriminators, levels in mel bands are compared and no longer bins: a log distance of bins that nobody can
foresee draws the sound to their median, against the discriminators (docs/experiments.md#train-fast-decoder).

Likeness is the cosine to the speaker's embedding of another recording, by Resemblyzer's network. A network that judges
results (CAM++) is never used here.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from nuanced_speech.core import precision
from nuanced_speech.core.constants import SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.fast_decoder import FastDecoder, FastDecoderConfig
from nuanced_speech.models.speaker_encoder import WINDOW, SpeakerEncoder
from nuanced_speech.train import checkpoint
from nuanced_speech.train.configs import FastDecoderTraining
from nuanced_speech.train.descent import descend
from nuanced_speech.train.discriminators import PeriodsAndResolutions
from nuanced_speech.train.losses import discriminator_loss, feature_matching_loss, generator_loss
from nuanced_speech.train.processes import ALONE, Processes
from nuanced_speech.train.schedule import set_rates

STAGES = ("spectra", "speaker", "adversarial")
"""Each has the losses of those before it."""
UNNAMED = {"stage": "spectra", "start": "none", "no_source": "1.0"}
"""Settings of checkpoints from before there were stages, and sources."""
LARGEST_GRADIENT = 10.0
"""Of the discriminators, as in the codec's training."""


class SpeakerSimilarity(nn.Module):
    """Cosine of sound to speaker embeddings, with gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = SpeakerEncoder()

    def forward(self, wave: Tensor, targets: Tensor) -> Tensor:
        """Cosines ``[B]`` of ``wave [B, T]`` at 24 kHz, T a multiple of 3, to ``targets [B, 256]``; 0 where a target is
        NaN."""
        mel = self.encoder.levelled_mel(wave)
        if mel.shape[1] < WINDOW:
            # what is shorter than a window is repeated: silence would move the embedding more (docs/experiments.md)
            mel = mel[:, torch.arange(WINDOW, device=mel.device) % mel.shape[1]]
        present = ~targets.isnan().any(-1)
        return (self.encoder.embed_mel(mel) * targets.nan_to_num()).sum(-1) * present


class Adversary:
    """Discriminators, how they learn, and what they say of the decoder's sound, by least squares.

    They see recordings and sound below the bandwidth of the recording alone.
    """

    def __init__(self, config: FastDecoderTraining, device: torch.device, dtype: torch.dtype) -> None:
        self.config, self.device, self.dtype = config, device, dtype
        self.discriminators = PeriodsAndResolutions().to(device)
        self.optimizer = torch.optim.AdamW(self.discriminators.parameters(), config.discriminator_lr, (0.8, 0.99))

    def learn(
        self, made: Tensor, real: Tensor, bandwidth: Tensor, rate: float, processes: Processes = ALONE
    ) -> tuple[Tensor, dict[str, float]]:
        """Teach the discriminators; then their weighted verdict on the sound as a loss, and figures.

        Args:
            made, real: sound and recordings ``[B, T]``.
            bandwidth: Hz up to which each recording says something ``[B]``.
            rate: share of the highest learning rate.
            processes: processes that train together.
        """
        made, real = below(made, bandwidth), below(real, bandwidth)
        wrong = discriminator_loss(self._judge(real)[0], self._judge(made.detach())[0])
        set_rates(self.optimizer, self.config.discriminator_lr * rate)
        parameters = self.discriminators.parameters()
        descend(self.optimizer, parameters, wrong, LARGEST_GRADIENT, processes)
        self.discriminators.requires_grad_(False)
        with torch.no_grad():
            real_features = self._judge(real)[1]
        scores, features = self._judge(made)
        self.discriminators.requires_grad_(True)
        fooled, matching = generator_loss(scores), feature_matching_loss(real_features, features)
        figures = {"adversarial": fooled, "matching": matching, "discriminators": wrong}
        loss = self.config.adversarial_weight * fooled + self.config.matching_weight * matching
        return loss, {name: float(value.detach()) for name, value in figures.items()}

    def _judge(self, wave: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        with precision.autocast(self.device, self.dtype):
            scores, features = self.discriminators(wave)
        return [score.float() for score in scores], [[layer.float() for layer in layers] for layers in features]

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return {
            "discriminators": self.discriminators.state_dict(),
            "discriminator_optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what ``state`` gave."""
        self.discriminators.load_state_dict(state["discriminators"])
        self.optimizer.load_state_dict(state["discriminator_optimizer"])


def below(wave: Tensor, bandwidth: Tensor) -> Tensor:
    """``wave [B, T]`` without what lies above ``bandwidth [B]`` Hz."""
    spectrum = torch.fft.rfft(wave)
    hertz = torch.linspace(0, SAMPLE_RATE / 2, spectrum.shape[1], device=wave.device)
    return torch.fft.irfft(spectrum * (hertz[None] <= bandwidth[:, None]), wave.shape[1])


def check(config: FastDecoderTraining) -> None:
    """Refuse what cannot work.

    Raises:
        UserError: an unknown stage; a later stage without the weights that it starts from.
    """
    if config.stage not in STAGES:
        raise UserError(f"unknown stage {config.stage!r}: choose one of {', '.join(STAGES)}")
    if config.stage != STAGES[0] and config.start is None:
        raise UserError(f"stage {config.stage} starts from the weights of the stage before: give start, a file")


def new_decoder(config: FastDecoderTraining) -> FastDecoder:
    """A decoder with random weights, or with those that the run starts from.

    Raises:
        UserError: the weights cannot be read, or are of another size than the config says.
    """
    shape = FastDecoderConfig(config.width, 3 * config.width, config.blocks, follows_source=config.no_source < 1)
    decoder = FastDecoder(shape)
    if config.start is None:
        return decoder
    start = FastDecoder.load(config.start)
    if replace(start.config, follows_source=shape.follows_source) != shape:
        sizes = f"width {start.config.width} and blocks {start.config.blocks}"
        raise UserError(f"{config.start} has {sizes}: give the same, not {config.width} and {config.blocks}")
    # a layer for the source is new, and begins with zeros, where the weights have none
    decoder.load_state_dict(start.state_dict(), strict=False)
    return decoder


def settings(config: FastDecoderTraining, decoder: FastDecoder) -> dict[str, str]:
    """What shapes the weights: of the losses, those of the stage.

    Args:
        config: how to train.
        decoder: the decoder before its first step.
    """
    adversarial = ("mel_weight", "adversarial_weight", "matching_weight", "discriminator_lr")
    later = ("stage", "start", "speaker_weight", *adversarial)
    shared = checkpoint.settings_of(config, "data", "minutes", "measured", *later)
    start = checkpoint.weights_setting(decoder.state_dict()) if config.start else UNNAMED["start"]
    shared |= {"stage": config.stage, "start": start}
    of_stage = later[2 : (2, 3, len(later))[STAGES.index(config.stage)]]
    return shared | {name: str(getattr(config, name)) for name in of_stage}
