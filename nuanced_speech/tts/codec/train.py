"""Train the speech codec: spectra first, then discriminators beside them.

Read top to bottom: crops of cached waveforms at random levels; mel spectra at four resolutions and the quantiser's
commitment as losses; from ``adversarial_from`` on also least-squares discriminators with feature matching, as in
EnCodec and HiFi-GAN; the mean of the last weights is the result. A run can be interrupted and started again.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from nuanced_speech import audio
from nuanced_speech.core import precision
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.stft_loss import MultiResolutionSTFTLoss
from nuanced_speech.train import checkpoint
from nuanced_speech.train.discriminators import Discriminators
from nuanced_speech.train.losses import discriminator_loss, feature_matching_loss, generator_loss
from nuanced_speech.train.schedule import warm_cosine
from nuanced_speech.tts.codec.model import CodecConfig, SpeechCodec
from nuanced_speech.tts.codec.quantise import perplexity
from nuanced_speech.tts.waveforms import Waveforms, collect

CHECKPOINT, RESULT = "checkpoint.pt", "codec.safetensors"
LOG_EVERY = 20
# How much quieter than they are crops may be made.
QUIETER_DB = 15.0


@dataclass(frozen=True)
class CodecTrainConfig:
    """How to train.

    Attributes:
        sources: folders of recordings, and folders that ``train corpus`` made.
        out: where waveforms, checkpoint, TensorBoard and weights go.
        adversarial_from: share of the steps without discriminators; 1 is without them altogether.
        crop_frames: frames of codes in a crop.
        spectral_weight, commitment_weight, matching_weight: of the losses; the adversarial one's is 1.
        dropout: share of the items that use only the first so many codebooks (Zeghidour et al. 2021).
        average: of the weights, from step to step.
    """

    sources: tuple[Path, ...]
    out: Path
    steps: int = 6000
    batch_size: int = 12
    lr: float = 1e-3
    adversarial_from: float = 0.4
    crop_frames: int = 64
    spectral_weight: float = 10.0
    commitment_weight: float = 2.5
    matching_weight: float = 2.0
    dropout: float = 0.5
    average: float = 0.998
    seed: int = 0
    checkpoint_every: int = 250
    precision: str = "auto"
    device: str = "cpu"


def train(config: CodecTrainConfig, shape: CodecConfig | None = None) -> Path:
    """Train, going on from ``out``'s checkpoint if there is one; returns the path of the weights.

    Raises:
        UserError: nothing to train on, or a checkpoint that was made with other settings.
    """
    shape = shape or CodecConfig()
    try:
        config.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{config.out}: cannot make this folder ({error.strerror})") from error
    waveforms = collect(config.sources, shape.sample_rate, config.out)
    run = _Run(config, shape)
    first = run.resume(_settings(config, shape))
    print(f"{waveforms.ends[-1] / shape.sample_rate / 3600:.2f} h of speech; steps {first} to {config.steps}")
    board = SummaryWriter(str(config.out / "tensorboard"), purge_step=first)
    bar = tqdm(range(first, config.steps), "training", initial=first, total=config.steps, mininterval=5)
    for step in bar:
        figures = run.step(step, waveforms)
        if not math.isfinite(figures["spectral"]):
            raise UserError(f"the loss is not a number any more at step {step}: train with a smaller --lr")
        if (step + 1) % LOG_EVERY == 0:
            for name, value in figures.items():
                board.add_scalar(f"train/{name}", value, step + 1)
            bar.set_postfix(stft=f"{figures['spectral']:.3f}", refresh=False)
        if (step + 1) % config.checkpoint_every == 0 or step + 1 == config.steps:
            run.report(step + 1, waveforms, board)
            run.save(step + 1, _settings(config, shape))
    board.close()
    path = config.out / RESULT
    run.mean.save(path, steps=str(config.steps), hours=f"{waveforms.ends[-1] / shape.sample_rate / 3600:.2f}")
    return path


class _Run:
    """The networks, their optimisers and what one step does to them."""

    def __init__(self, config: CodecTrainConfig, shape: CodecConfig) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.dtype = precision.choose(config.precision, config.device)
        self.precisions = checkpoint.precisions_with({}, 0, self.dtype)
        self.codec = SpeechCodec(shape).to(config.device)
        self.mean = SpeechCodec(shape).to(config.device).requires_grad_(False).eval()
        self.mean.load_state_dict(self.codec.state_dict())
        self.judges = Discriminators().to(config.device)
        self.optimizer = torch.optim.AdamW(self.codec.parameters(), config.lr, (0.8, 0.99), weight_decay=0.01)
        self.judge_optimizer = torch.optim.AdamW(self.judges.parameters(), config.lr / 2, (0.8, 0.99))
        sizes = (2048, 1024, 512, 256)
        hops = tuple(size // 4 for size in sizes)
        self.stft = MultiResolutionSTFTLoss(sizes, hops, sizes, 64, shape.sample_rate).to(config.device)

    def step(self, step: int, waveforms: Waveforms) -> dict[str, float]:
        """One step down the gradient; returns its losses."""
        # everything random depends on the step alone, so that a resumed run ends where an uninterrupted one does
        rng = np.random.default_rng([self.config.seed, step])
        torch.manual_seed(int(rng.integers(1 << 31)))
        wave = self._batch(waveforms, rng)
        rate = _rate(step, self.config)
        self.codec.train()
        spoken, commitment, codes = self._through(wave, rng)
        spectral = self.stft(spoken, wave).total
        loss = self.config.spectral_weight * spectral + self.config.commitment_weight * commitment
        figures = {"spectral": spectral.item(), "commitment": commitment.item(), "learning_rate": rate}
        if step >= self.config.adversarial_from * self.config.steps:
            # a third of the batch is enough for them, and they are the slower part
            judged = max(len(wave) // 3, 1)
            adversarial, parts = self._adversarial(spoken[:judged], wave[:judged], rate / 2)
            loss = loss + adversarial
            figures |= parts
        self._descend(self.optimizer, self.codec, loss, rate)
        with torch.no_grad():
            momentum = min(self.config.average, (step + 1) / (step + 10))
            for mean, weight in zip(self.mean.parameters(), self.codec.parameters(), strict=True):
                mean.lerp_(weight, 1 - momentum)
            for kept, buffer in zip(self.mean.buffers(), self.codec.buffers(), strict=True):
                kept.copy_(buffer)
        if (step + 1) % LOG_EVERY == 0:
            used = perplexity(codes, self.codec.entries)
            figures |= {f"perplexity_{k + 1}": value.item() for k, value in enumerate(used)}
        return figures

    def _batch(self, waveforms: Waveforms, rng: np.random.Generator) -> Tensor:
        length = self.config.crop_frames * self.codec.hop_length
        crops = [waveforms.crop(length, rng) for _ in range(self.config.batch_size)]
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
            spoken = self.codec.decoder(quantised.vectors, mask)
        return spoken.float(), quantised.commitment, quantised.codes

    def _adversarial(self, spoken: Tensor, wave: Tensor, rate: float) -> tuple[Tensor, dict[str, float]]:
        """Teach the discriminators; what they then say of the codec's speech."""
        with self._autocast():
            real, _ = self.judges(wave)
            fake, _ = self.judges(spoken.detach())
        judged = discriminator_loss([x.float() for x in real], [x.float() for x in fake])
        self._descend(self.judge_optimizer, self.judges, judged, rate)
        self.judges.requires_grad_(False)
        with self._autocast():
            _, wanted = self.judges(wave)
            scores, features = self.judges(spoken)
        self.judges.requires_grad_(True)
        fooling = generator_loss([x.float() for x in scores])
        matching = feature_matching_loss(
            [[x.float() for x in layers] for layers in wanted], [[x.float() for x in layers] for layers in features]
        )
        parts = {"discriminators": judged.item(), "adversarial": fooling.item(), "matching": matching.item()}
        return fooling + self.config.matching_weight * matching, parts

    @staticmethod
    def _descend(optimizer: torch.optim.Optimizer, network: torch.nn.Module, loss: Tensor, rate: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()

    def _autocast(self) -> torch.autocast:
        return precision.autocast(self.config.device, self.dtype)

    @torch.no_grad()
    def report(self, step: int, waveforms: Waveforms, board: SummaryWriter) -> None:
        """Spectral distance on clips that are not trained on, with all codebooks and with half; sound of one."""
        rate, books = self.codec.sample_rate, self.codec.codebooks
        distances: dict[int, list[float]] = {books: [], max(books // 2, 1): []}
        codes = []
        for number in waveforms.held_out[:8]:
            wave = torch.from_numpy(waveforms.clip(number)[: 4 * rate])[None].to(self.config.device)
            codes.append(self.mean.encode(wave))
            for used in distances:
                spoken = self.mean.decode(codes[-1][:, :used])[:, : wave.shape[1]]
                distances[used].append(self.stft(spoken, wave).total.item())
        means = {used: float(np.mean(values)) for used, values in distances.items()}
        for used, value in means.items():
            board.add_scalar(f"held_out/spectral_{used}_codebooks", value, step)
        board.add_audio("held_out/recording", wave.cpu(), step, rate)
        board.add_audio("held_out/codec", self.mean.decode(codes[-1]).cpu(), step, rate)
        usage = perplexity(torch.cat(codes, -1), self.codec.entries)
        listed = ", ".join(f"{value:.3f} with {used} codebooks" for used, value in means.items())
        tqdm.write(f"step {step}: spectral distance {listed}; perplexity {', '.join(f'{x:.0f}' for x in usage)}")
        audio.write(self.config.out / "held_out.wav", self.mean.decode(codes[-1])[0].cpu().numpy(), rate)

    def save(self, step: int, settings: dict[str, str]) -> None:
        state: dict[str, Any] = {name: part.state_dict() for name, part in self._parts().items()}
        state |= {"step": step, "settings": settings, "precisions": self.precisions}
        checkpoint.save(self.config.out / CHECKPOINT, state)

    def resume(self, settings: dict[str, str]) -> int:
        """Load the checkpoint if there is one; returns the first step to do."""
        path = self.config.out / CHECKPOINT
        if not path.is_file():
            return 0
        state = checkpoint.load(path)
        checkpoint.check_same(path, state["settings"], settings)
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        first = int(state["step"])
        self.precisions = checkpoint.precisions_with(state, first, self.dtype)
        return first

    def _parts(self) -> dict[str, torch.nn.Module | torch.optim.Optimizer]:
        return {
            "codec": self.codec,
            "mean": self.mean,
            "judges": self.judges,
            "optimizer": self.optimizer,
            "judge_optimizer": self.judge_optimizer,
        }


def _rate(step: int, config: CodecTrainConfig) -> float:
    """Linear warm-up over a fortieth of the steps, then half a cosine down to a hundredth."""
    return config.lr * warm_cosine(step, config.steps, max(1, config.steps // 40))


def _settings(config: CodecTrainConfig, shape: CodecConfig) -> dict[str, str]:
    """What must not change between the parts of a run; ``steps`` may, for a longer or a shorter one."""
    ignored = {"out", "sources", "steps", "checkpoint_every", "device", "precision"}
    settings = {name: str(value) for name, value in vars(config).items() if name not in ignored}
    return settings | {name: str(value) for name, value in vars(shape).items()}
