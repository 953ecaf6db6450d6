"""Train the extension of timbres on real speech, by analysis and synthesis.

Read top to bottom: every recording, as it is, slower and faster (other speakers, Ko et al. 2015), is analysed once into
phonemes and their durations, melody, loudness, timbre and speaker embedding; then Kokoro speaks passages of it again,
in the speaker's voice and in others'. Spectra are compared with the recording's, speaker embeddings with the target's.
A discriminator that takes stock voices for real keeps the sound from getting harsh.
"""

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.differentiable_resampling import at_whisper_rate
from nuanced_speech.dsp.stft_loss import STFTLoss
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.timbre_extension import TimbreExtension
from nuanced_speech.train import checkpoint
from nuanced_speech.train.board import Board
from nuanced_speech.train.configs import TimbreExtensionTraining
from nuanced_speech.train.descent import descend
from nuanced_speech.train.discriminators import Discriminators
from nuanced_speech.train.loop import LoopConfig, Recipe, Report, run, seeded
from nuanced_speech.train.losses import discriminator_loss, generator_loss
from nuanced_speech.train.passages import Batch, Passages, load_speakers, prepare
from nuanced_speech.train.processes import ALONE, Processes, join
from nuanced_speech.train.schedule import WarmCosine, set_rates

log = logging.getLogger(__name__)
# Windows in samples of 16 kHz, which most recordings have, and mel bands.
RESOLUTIONS = ((256, 40), (512, 60), (1024, 100))
# Log magnitude above a band's quietest tenth up to which sound counts as noise, which is not to be imitated.
NOISE = 1.0


def noise_of(wave: Tensor, spectra: list[STFTLoss]) -> list[Tensor]:
    """What the quietest tenth of a recording ``[T]`` does not exceed, in log mel magnitudes of each resolution."""
    return [s.magnitude(at_whisper_rate(wave[None])).log()[0].quantile(0.1, -1) for s in spectra]


def spectral_distance(spectra: list[STFTLoss], wave: Tensor, reference: Tensor, noise: list[Tensor]) -> Tensor:
    """Mean L1 distance of log mel magnitudes; where the recording holds only noise, of what is louder than it."""
    losses = []
    for spectrum, floor in zip(spectra, noise, strict=True):
        predicted, target = (spectrum.magnitude(x).log() for x in (wave, reference))
        apart = predicted - target
        losses.append(torch.where(target > floor[..., None] + NOISE, apart.abs(), apart.relu()).mean())
    return torch.stack(losses).mean()


def train(config: TimbreExtensionTraining, report: Report = log.info, kokoro: Kokoro | None = None) -> Path:
    """Train, resuming from ``out``'s checkpoint if there is one, and write ``extension.safetensors`` there.

    ``kokoro`` is loaded if omitted.

    Raises:
        UserError: no speech in the folder, or too little; or a checkpoint that was made with other settings.
    """
    processes = join(config.device)
    processes.check_batch(config.batch_size)
    processes.check_batch(config.crossed, "crossed")
    checkpoint.make_folder(config.out)
    with processes.main_first():
        recipe = TimbreExtensionRecipe(config, processes, kokoro)
    path = config.out / "extension_checkpoint.pt"
    loop = LoopConfig(config.steps, path, recipe.settings(), config.checkpoint_every, at_first=True)
    return run(recipe, loop, report)


class TimbreExtensionRecipe(Recipe):
    """The extension, its discriminators, the frozen networks around them, and the speakers."""

    def __init__(
        self, config: TimbreExtensionTraining, processes: Processes = ALONE, kokoro: Kokoro | None = None
    ) -> None:
        self.config, self.processes = config, processes
        speakers = load_speakers(prepare(config))
        device = config.device
        torch.manual_seed(config.seed)
        self.kokoro, self.encoder = (kokoro or Kokoro()).to(device), SpeakerEncoder().to(device)
        self.passages = Passages(self.kokoro, speakers, device, config.passage_units)
        self.held_out = [k for k, s in enumerate(speakers) if s.recording < config.held_out and s.speed == 1]
        self.used = [k for k, s in enumerate(speakers) if s.recording >= config.held_out]
        if not self.used:
            held = f"{config.held_out} recordings, which are held out"
            raise UserError(f"{config.speech}: no more than {held}: add others")
        self.spectra = [STFTLoss(n, n // 4, n, mels, audio.WHISPER_SAMPLE_RATE).to(device) for n, mels in RESOLUTIONS]
        self.noise = [noise_of(s.wave.to(device), self.spectra) for s in speakers]
        self.extension = TimbreExtension(self.kokoro.gains).to(device)
        self.extension.calibrate(torch.stack([speakers[k].embeddings[0] for k in self.used]).to(device))
        self.discriminators = Discriminators().to(device)
        self.optimizer = torch.optim.AdamW(
            self.extension.parameters(), config.lr, (0.8, 0.99), weight_decay=config.decay
        )
        self.discriminator_optimizer = torch.optim.AdamW(
            self.discriminators.parameters(), config.discriminator_lr, (0.8, 0.99)
        )
        self.schedule = WarmCosine(config.steps, config.warmup)
        self.data = checkpoint.fingerprint(*(s.embeddings.numpy().tobytes() for s in speakers))

    def settings(self) -> dict[str, str]:
        """All that shapes the weights but the number of steps, which may differ when a run is resumed."""
        return checkpoint.settings_of(self.config, "speech", "steps") | {"data": self.data}

    def speak(self, kokoro: Kokoro, batch: Batch, timbre: Tensor, seed: int) -> Tensor:
        """Waveforms ``[B, 600 * T]`` of a batch."""
        return kokoro.decode(batch.content, batch.f0, batch.energy, timbre, seed=seed)

    def step(self, step: int) -> dict[str, float]:
        """Speak passages in their own voice and in others, and reduce the distance to recordings and speakers."""
        config, used, rng = self.config, self.used, seeded(self.config.seed, step, self.processes)
        whole = config.batch_size + config.crossed
        sources = [used[k] for k in rng.integers(len(used), size=whole)]
        targets = sources[: config.batch_size] + [used[k] for k in rng.integers(len(used), size=config.crossed)]
        batch, seed = self.passages.draw(sources, targets, rng), int(rng.integers(1 << 31))
        if self.processes.count > 1:
            # as many of both kinds in each process
            mine = self.processes.rows(config.batch_size), slice(config.batch_size + self.processes.rank, whole)
            numbers = [*range(whole)[mine[0]], *range(whole)[mine[1]][:: self.processes.count]]
            batch, sources = batch.rows(numbers), [sources[k] for k in numbers]
        rows = slice(config.batch_size // self.processes.count)
        floors = [torch.stack([self.noise[k][n] for k in sources[rows]]) for n in range(len(RESOLUTIONS))]
        self.extension.train()
        extended = self.kokoro.extended(self.extension.columns)
        wave = self.speak(extended, batch, torch.cat([batch.timbre, self.extension(batch.known)], 1), seed)
        cosine = (self.encoder.embed_waves(wave) * batch.target).sum(-1).mean()
        apart = spectral_distance(self.spectra, at_whisper_rate(wave[rows]), at_whisper_rate(batch.wave[rows]), floors)
        loss = apart - config.likeness_weight * cosine
        figures = {"spectra": float(apart.detach()), "cosine": float(cosine.detach())}
        if config.adversarial_weight:
            adversarial, parts = self._adversarial(batch, wave, seed)
            loss = loss + config.adversarial_weight * adversarial
            figures |= parts
        set_rates(self.optimizer, config.lr * self.schedule(step))
        descend(self.optimizer, self.extension.parameters(), loss, processes=self.processes)
        return figures

    def _adversarial(self, batch: Batch, wave: Tensor, seed: int) -> tuple[Tensor, dict[str, float]]:
        """Train the discriminators with stock voices as real; returns their scores of ``wave`` as a loss."""
        with torch.no_grad():
            clean = self.speak(self.kokoro, batch, batch.stock, seed)
        discriminator = discriminator_loss(self.discriminators(clean)[0], self.discriminators(wave.detach())[0])
        descend(self.discriminator_optimizer, self.discriminators.parameters(), discriminator, math.inf, self.processes)
        generator = generator_loss(self.discriminators(wave)[0])
        return generator, {"discriminator": float(discriminator.detach()), "generator": float(generator.detach())}

    def evaluate(self, step: int, board: Board | None) -> str:
        """Likeness to speakers that were held out."""
        same, others = likeness(self.kokoro, self.encoder, self.extension, self.passages, self.held_out)
        return f"held out, cosine in own voice {same:.3f}, in others' {others:.3f}"

    def _parts(self) -> dict[str, Any]:
        return {
            "extension": self.extension,
            "discriminators": self.discriminators,
            "optimizer": self.optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def state(self) -> dict[str, Any]:
        """Weights and optimizers."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over an earlier state."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def finish(self, step: int, board: Board | None) -> Path:
        """Write the extension."""
        path = self.config.out / "extension.safetensors"
        self.extension.save(path, steps=str(self.config.steps), speakers=str(len(self.used)))
        return path


@torch.no_grad()
def likeness(
    kokoro: Kokoro, encoder: SpeakerEncoder, extension: TimbreExtension, passages: Passages, speakers: list[int]
) -> tuple[float, float]:
    """Mean cosine to the second half of a speaker's recording, the first being known: of the speaker's own passages,
    and of those of the next speaker."""
    extension.eval()
    kokoro = kokoro.extended(extension.columns)
    means = []
    for turn in (0, 1):
        rng, cosines = np.random.default_rng(0), []
        for k, speaker in enumerate(speakers):
            batch = passages.draw([speakers[(k + turn) % len(speakers)]], [speaker], rng, 1)
            timbre = torch.cat([batch.timbre, extension(batch.known)], 1)
            wave = kokoro.decode(batch.content, batch.f0, batch.energy, timbre)
            cosines.append(float((encoder.embed_waves(wave) * batch.target).sum()))
        means.append(float(np.mean(cosines)))
    return means[0], means[1]
