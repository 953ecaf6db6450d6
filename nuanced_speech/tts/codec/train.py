"""Train the speech codec: spectra first, then discriminators beside them.

Read top to bottom: crops of cached waveforms at random levels; mel spectra at four resolutions and the quantiser's
commitment as losses; from ``adversarial_from`` on also least-squares discriminators with feature matching, as in
EnCodec and HiFi-GAN; the mean of the last weights is the result. A run can be interrupted and started again.
"""

import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.core import precision
from nuanced_speech.dsp.stft_loss import MultiResolutionSTFTLoss
from nuanced_speech.train import checkpoint
from nuanced_speech.train.board import Board
from nuanced_speech.train.descent import WeightAverage, descend
from nuanced_speech.train.discriminators import Discriminators
from nuanced_speech.train.loop import LoopConfig, Recipe, Report, run, seeded
from nuanced_speech.train.losses import discriminator_loss, feature_matching_loss, generator_loss
from nuanced_speech.train.processes import only_one
from nuanced_speech.train.schedule import WarmCosine, set_rates
from nuanced_speech.tts.codec.model import CodecConfig, SpeechCodec
from nuanced_speech.tts.codec.quantise import perplexity
from nuanced_speech.tts.configs import CodecTrainConfig
from nuanced_speech.tts.waveforms import Waveforms, collect

log = logging.getLogger(__name__)
CHECKPOINT, RESULT = "checkpoint.pt", "codec.safetensors"
LOG_EVERY = 20
# Crops are made quieter by up to so much.
QUIETER_DB = 15.0
# Window lengths of the spectral loss, in samples.
WINDOWS = (2048, 1024, 512, 256)
LARGEST_GRADIENT = 10.0


def train(config: CodecTrainConfig, shape: CodecConfig | None = None, report: Report = log.info) -> Path:
    """Train, going on from ``out``'s checkpoint if there is one; returns the path of the weights.

    Raises:
        UserError: nothing to train on, a checkpoint that was made with other settings, or several processes.
    """
    only_one("the codebooks follow all codes of a batch")
    shape = shape or CodecConfig()
    checkpoint.make_folder(config.out)
    waveforms = collect(config.sources, shape.sample_rate, config.out)
    report(f"{waveforms.ends[-1] / shape.sample_rate / 3600:.2f} h of speech; {config.steps} steps")
    # ``steps`` may change, for a longer or a shorter run
    settings = checkpoint.settings_of(config, "sources", "steps") | {k: str(v) for k, v in vars(shape).items()}
    loop = LoopConfig(config.steps, config.out / CHECKPOINT, settings, config.checkpoint_every, log_every=LOG_EVERY)
    return run(CodecRecipe(config, shape, waveforms), loop, report, partial(Board, config.out / "tensorboard"))


class CodecRecipe(Recipe):
    """The codec, the average of its weights, its discriminators, and what they learn from."""

    def __init__(self, config: CodecTrainConfig, shape: CodecConfig, waveforms: Waveforms) -> None:
        torch.manual_seed(config.seed)
        self.config, self.shape, self.waveforms = config, shape, waveforms
        self.dtype = precision.choose(config.precision, config.device)
        self.codec = SpeechCodec(shape).to(config.device)
        self.mean = SpeechCodec(shape).to(config.device).requires_grad_(False).eval()
        self.average = WeightAverage(dict(self.codec.named_parameters()), config.average)
        self.discriminators = Discriminators().to(config.device)
        self.optimizer = torch.optim.AdamW(self.codec.parameters(), config.lr, (0.8, 0.99), weight_decay=0.01)
        self.discriminator_optimizer = torch.optim.AdamW(self.discriminators.parameters(), config.lr / 2, (0.8, 0.99))
        hops = tuple(size // 4 for size in WINDOWS)
        self.stft = MultiResolutionSTFTLoss(WINDOWS, hops, WINDOWS, 64, shape.sample_rate).to(config.device)
        self.schedule = WarmCosine(config.steps, max(1, config.steps // 40))

    def step(self, step: int) -> dict[str, float]:
        """Learn from random crops."""
        config, rng = self.config, seeded(self.config.seed, step)
        wave = self._batch(rng)
        rate = config.lr * self.schedule(step)
        self.codec.train()
        decoded, commitment, codes = self._through(wave, rng)
        spectral = self.stft(decoded, wave).total
        loss = config.spectral_weight * spectral + config.commitment_weight * commitment
        figures = {"spectral": spectral.item(), "commitment": commitment.item(), "learning_rate": rate}
        if step >= config.adversarial_from * config.steps:
            # a third of the batch is enough for the discriminators, which are the slower part
            some = max(len(wave) // 3, 1)
            adversarial, parts = self._adversarial(decoded[:some], wave[:some], rate / 2)
            loss = loss + adversarial
            figures |= parts
        set_rates(self.optimizer, rate)
        descend(self.optimizer, self.codec.parameters(), loss, LARGEST_GRADIENT)
        self.average.update(dict(self.codec.named_parameters()), step)
        if (step + 1) % LOG_EVERY == 0:
            used = perplexity(codes, self.codec.entries)
            figures |= {f"perplexity_{k + 1}": value.item() for k, value in enumerate(used)}
        return figures

    def _batch(self, rng: np.random.Generator) -> Tensor:
        length = self.config.crop_frames * self.codec.hop_length
        crops = [self.waveforms.crop(length, rng) for _ in range(self.config.batch_size)]
        gains = 10 ** (-rng.uniform(0, QUIETER_DB, (len(crops), 1)) / 20)
        return torch.from_numpy(np.stack(crops) * gains.astype(np.float32)).to(self.config.device)

    def _through(self, wave: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """The decoded waveform, the commitment, the codes."""
        books = self.codec.codebooks
        fewer = rng.random(len(wave)) < self.config.dropout
        used = np.where(fewer, rng.integers(1, books + 1, len(wave)), books)
        padded, mask = self.codec.padded(wave)
        with self._autocast():
            vectors = self.codec.encoder(padded, mask)
        quantised = self.codec.quantiser(vectors.float(), None, torch.from_numpy(used).to(wave.device))
        with self._autocast():
            decoded = self.codec.decoder(quantised.vectors, mask)
        return decoded.float(), quantised.commitment, quantised.codes

    def _adversarial(self, decoded: Tensor, wave: Tensor, rate: float) -> tuple[Tensor, dict[str, float]]:
        """Teach the discriminators; their scores of the decoded waveforms as a loss."""
        with self._autocast():
            real, _ = self.discriminators(wave)
            fake, _ = self.discriminators(decoded.detach())
        discriminator = discriminator_loss([x.float() for x in real], [x.float() for x in fake])
        set_rates(self.discriminator_optimizer, rate)
        descend(self.discriminator_optimizer, self.discriminators.parameters(), discriminator, LARGEST_GRADIENT)
        self.discriminators.requires_grad_(False)
        with self._autocast():
            _, real_features = self.discriminators(wave)
            scores, features = self.discriminators(decoded)
        self.discriminators.requires_grad_(True)
        generator = generator_loss([x.float() for x in scores])
        matching = feature_matching_loss(
            [[x.float() for x in layers] for layers in real_features],
            [[x.float() for x in layers] for layers in features],
        )
        parts = {"discriminators": discriminator.item(), "adversarial": generator.item(), "matching": matching.item()}
        return generator + self.config.matching_weight * matching, parts

    def _autocast(self) -> torch.autocast:
        return precision.autocast(self.config.device, self.dtype)

    def _load_average(self) -> None:
        self.mean.load_state_dict(self.codec.state_dict() | self.average.tensors)

    @torch.no_grad()
    def evaluate(self, step: int, board: Board | None) -> str:
        """Spectral distance on clips that are not trained on, with all codebooks and with half; sound of one."""
        self._load_average()
        rate, books = self.codec.sample_rate, self.codec.codebooks
        distances: dict[int, list[float]] = {books: [], max(books // 2, 1): []}
        codes = []
        for number in self.waveforms.held_out[:8]:
            wave = torch.from_numpy(self.waveforms.clip(number)[: 4 * rate])[None].to(self.config.device)
            codes.append(self.mean.encode(wave))
            for used in distances:
                decoded = self.mean.decode(codes[-1][:, :used])[:, : wave.shape[1]]
                distances[used].append(self.stft(decoded, wave).total.item())
        means = {used: float(np.mean(values)) for used, values in distances.items()}
        last = self.mean.decode(codes[-1])
        if board:
            board.scalars("held_out", {f"spectral_{n}_codebooks": value for n, value in means.items()}, step)
            board.writer.add_audio("held_out/recording", wave.cpu(), step, rate)
            board.writer.add_audio("held_out/codec", last.cpu(), step, rate)
        audio.write(self.config.out / "held_out.wav", last[0].cpu().numpy(), rate)
        usage = ", ".join(f"{x:.0f}" for x in perplexity(torch.cat(codes, -1), self.codec.entries))
        listed = ", ".join(f"{value:.3f} with {used} codebooks" for used, value in means.items())
        return f"spectral distance {listed}; perplexity {usage}"

    def _parts(self) -> dict[str, Any]:
        return {
            "codec": self.codec,
            "discriminators": self.discriminators,
            "optimizer": self.optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def state(self) -> dict[str, Any]:
        """Weights, their average, and the optimizers."""
        return {name: part.state_dict() for name, part in self._parts().items()} | {"average": self.average.tensors}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over an earlier state."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.average.restore(state["average"])

    def finish(self, step: int, board: Board | None) -> Path:
        """Write the averaged weights."""
        self._load_average()
        path = self.config.out / RESULT
        hours = self.waveforms.ends[-1] / self.shape.sample_rate / 3600
        self.mean.save(path, steps=str(self.config.steps), hours=f"{hours:.2f}")
        return path
