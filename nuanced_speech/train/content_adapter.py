"""Train the content adapter on a corpus that Kokoro spoke, and on real speech that is aligned to its own transcript.

Read top to bottom: features are extracted once, of each utterance as it is and of several disturbed versions, and kept
beside the corpus; AdamW with a cosine schedule then learns from batches of crops with parts of the features missing,
and the average of the last weights is the result.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.core import precision
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import step_bar
from nuanced_speech.core.tensor_files import read_tensors
from nuanced_speech.models.content_adapter import ContentAdapter, ContentConfig
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.train import checkpoint
from nuanced_speech.train.augment import augment
from nuanced_speech.train.board import Board
from nuanced_speech.train.configs import AdapterConfig
from nuanced_speech.train.corpus import read_shard, shards_in
from nuanced_speech.train.descent import WeightAverage, descend
from nuanced_speech.train.loop import LoopConfig, Recipe, Report, run, seeded
from nuanced_speech.train.processes import ALONE, Processes, join
from nuanced_speech.train.schedule import WarmCosine, set_rates

log = logging.getLogger(__name__)
CROP_UNITS = 200
FRAMES_PER_CROP = CROP_UNITS * 5 // 4
# A crop begins where a 25 ms unit and a 20 ms feature frame begin together.
CROP_GRID = 4
# Versions of each utterance: as it is, augmented, the others faster or slower and half of them augmented too.
VERSIONS = 4
# Speed moves pitch and formants too: other speakers. Ko et al. 2015.
SPEEDS = (0.85, 1.18)
# Settings of checkpoints from before a run could start from weights.
UNNAMED = {"start": "none"}


@dataclass(frozen=True)
class Example:
    """Utterance: ``versions`` of (features ``[F, D]`` fp16, durations ``[P]``), ``content [P, 512]``, ``ids [P]``."""

    versions: list[tuple[Tensor, Tensor]]
    content: Tensor
    ids: Tensor

    @property
    def units(self) -> int:
        return int(self.versions[0][1].sum())


def prepare_features(corpus: Path, listener: WhisperModel, layer: int, versions: int = VERSIONS, seed: int = 0) -> None:
    """Whisper features of every shard, written beside it once.

    ``features-WHISPER-LAYER-NUMBER.safetensors`` holds for utterance k and version v ``k.v`` (features) and
    ``k.v.speed``.

    Raises:
        UserError: no shard in the folder.
    """
    for shard in step_bar(shards_in(corpus), f"features of {corpus.name}"):
        target = _features_path(shard, listener.name, layer)
        if target.exists():
            continue
        tensors: dict[str, Tensor] = {}
        for k, utterance in enumerate(read_shard(shard, ("audio",))):
            wave = audio.resample(utterance.audio.numpy(), audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE)
            for version in range(versions):
                rng = np.random.default_rng([seed, int(shard.stem.split("-")[1]), k, version])
                disturbed, speed = disturb(wave, version, rng)
                tensors[f"{k}.{version}"] = listener.features(disturbed, (layer,)).half().cpu()
                tensors[f"{k}.{version}.speed"] = torch.tensor(speed)
        with audio.replacing(target) as path:
            save_file(tensors, path)


def disturb(wave: np.ndarray, version: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A version of ``wave [T]`` at 16 kHz, and how much faster it is."""
    rate = audio.WHISPER_SAMPLE_RATE
    speed = float(rng.uniform(*SPEEDS)) if version > 1 else 1.0
    wave = audio.resample(wave, round(rate * speed), rate)
    if version == 1 or (version > 1 and rng.random() < 0.5):
        wave = augment(wave, rate, rng)
    return wave, speed


def faster(durations: Tensor, speed: float) -> Tensor:
    """Durations ``[P]`` of the same speech at another speed, with every boundary at the nearest unit."""
    ends = (durations.cumsum(0) / speed).round().long()
    return torch.diff(ends, prepend=ends.new_zeros(1))


def load_examples(corpus: Path, kokoro: Kokoro, whisper: str, layer: int) -> list[Example]:
    """Every utterance of a corpus whose features are prepared, in order."""
    examples = []
    for shard in step_bar(shards_in(corpus), f"loading {corpus.name}"):
        features = read_tensors(
            _features_path(shard, whisper, layer), "features of a corpus", "remove it and prepare again"
        )
        for k, utterance in enumerate(read_shard(shard, ("ids", "durations"))):
            with torch.no_grad():
                content = kokoro.encode_content(utterance.ids).T.half()
            versions: list[tuple[Tensor, Tensor]] = []
            while f"{k}.{len(versions)}" in features:
                name = f"{k}.{len(versions)}"
                speed = float(features[f"{name}.speed"])
                versions.append((features[name], faster(utterance.durations, speed)))
            examples.append(Example(versions, content, utterance.ids))
    return examples


def crop(example: Example, rng: np.random.Generator, whole: bool = False) -> tuple[Tensor, Tensor, Tensor, int]:
    """A random stretch: features ``[250, D]``, wanted content ``[200, 512]``, symbols ``[200]``, valid units.

    ``whole`` takes the beginning of the first version instead, with nothing missing.
    """
    features, durations = example.versions[0 if whole else rng.integers(len(example.versions))]
    latest = max(int(durations.sum()) - CROP_UNITS, 0)
    start = 0 if whole else int(rng.integers(latest // CROP_GRID + 1)) * CROP_GRID
    first = start * 5 // 4
    piece = features[first : first + FRAMES_PER_CROP].float()
    if not whole:
        piece = with_gaps(piece, rng)
    tokens = torch.repeat_interleave(torch.arange(len(example.ids)), durations)[start : start + CROP_UNITS]
    units = len(tokens)
    return (
        piece[torch.arange(FRAMES_PER_CROP).clamp(max=len(piece) - 1)],
        F.pad(example.content[tokens].float(), (0, 0, 0, CROP_UNITS - units)),
        F.pad(example.ids[tokens], (0, CROP_UNITS - units)),
        units,
    )


def with_gaps(features: Tensor, rng: np.random.Generator) -> Tensor:
    """Up to four stretches of 40 to 240 ms and up to a fifth of the channels zeroed, as SpecAugment (Park et al. 2019)
    does with spectrograms: what is missing has to be inferred from its surroundings."""
    features = features.clone()
    for _ in range(rng.integers(5)):
        length = int(rng.integers(2, 13))
        start = int(rng.integers(max(len(features) - length + 1, 1)))
        features[start : start + length] = 0
    if rng.random() < 0.5:
        kept = rng.random(features.shape[1]) >= rng.uniform(0, 0.2)
        features *= torch.from_numpy(kept)
    return features


def losses(adapter: ContentAdapter, batch: list[tuple[Tensor, Tensor, Tensor, int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean squared error in standard deviations, cross entropy of the symbols, and the symbols' accuracy."""
    features, content, symbols = (torch.stack(column) for column in list(zip(*batch, strict=True))[:3])
    units = torch.tensor([item[3] for item in batch])
    out = adapter(features, units)
    length = out.content.shape[-1]
    valid = torch.arange(length)[None] < units[:, None]
    error = (out.content.transpose(1, 2) - content[:, :length]) / adapter.content_std
    logits, targets = out.logits.transpose(1, 2)[valid], symbols[:, :length][valid]
    return (
        error[valid].square().mean(),
        F.cross_entropy(logits, targets),
        (logits.argmax(-1) == targets).float().mean(),
    )


def train(
    config: AdapterConfig,
    shape: ContentConfig | None = None,
    report: Report = log.info,
    kokoro: Kokoro | None = None,
    listener: WhisperModel | None = None,
) -> Path:
    """Train, resuming from ``out``'s checkpoint if there is one, and write ``content_adapter.safetensors`` there.

    ``kokoro`` and ``listener`` (Whisper by the shape's name) are loaded if omitted.

    Raises:
        UserError: too few utterances, weights to start from of another shape, or a checkpoint that was made with other
            settings.
    """
    processes = join("cpu")
    processes.check_batch(config.batch_size)
    checkpoint.make_folder(config.out)
    with processes.main_first():
        recipe = AdapterRecipe(config, shape or ContentConfig(), processes, kokoro, listener)
    processes.only_main(report)(
        f"{recipe.hours[0]:.2f} h spoken by Kokoro, {recipe.hours[1]:.2f} h of real speech; {config.steps} steps"
    )
    path = config.out / "adapter_checkpoint.pt"
    loop = LoopConfig(config.steps, path, recipe.settings(), config.checkpoint_every, unnamed=UNNAMED)
    return run(recipe, loop, report)


class AdapterRecipe(Recipe):
    """The adapter, the average of its weights, and the examples that it learns from."""

    def __init__(
        self,
        config: AdapterConfig,
        shape: ContentConfig,
        processes: Processes = ALONE,
        kokoro: Kokoro | None = None,
        listener: WhisperModel | None = None,
    ) -> None:
        self.config, self.shape, self.processes = config, shape, processes
        self.dtype = precision.choose(config.precision, "cpu")
        listener = listener or WhisperModel(shape.whisper)
        self._read_examples(kokoro or Kokoro(), listener)
        torch.manual_seed(config.seed)
        self.adapter = ContentAdapter(shape)
        self.adapter.copy_blocks(listener.model.encoder.blocks)
        self.start = UNNAMED["start"]
        if config.start:
            start = ContentAdapter.load(config.start)
            if start.config != shape:
                raise UserError(f"{config.start}: an adapter of another shape; start from one that this command made")
            self.adapter.load_state_dict(start.state_dict())
            self.start = checkpoint.weights_setting(start.state_dict())
        else:
            sample = torch.cat([e.content.repeat_interleave(e.versions[0][1], 0) for e in self.synthetic[:300]]).float()
            self.adapter.content_mean.copy_(sample.mean(0))
            self.adapter.content_std.copy_(sample.std(0))
        self.average = WeightAverage(dict(self.adapter.named_parameters()), config.ema)
        tuned = list(self.adapter.tuned.parameters())
        others = [p for name, p in self.adapter.named_parameters() if not name.startswith("tuned.")]
        groups = [{"params": others}, {"params": tuned}]
        self.optimizer = torch.optim.AdamW(groups, config.lr, (0.9, 0.98), weight_decay=config.weight_decay)
        self.schedule = WarmCosine(config.steps, config.warmup)

    def _read_examples(self, kokoro: Kokoro, listener: WhisperModel) -> None:
        """Read what to learn from, and hold back the beginnings of the first corpus and of the real recordings."""
        config, shape = self.config, self.shape
        folders = [*config.corpora, *([config.real] if config.real else [])]
        for folder in folders:
            prepare_features(folder, listener, shape.layer, seed=config.seed)
        examples = [load_examples(folder, kokoro, shape.whisper, shape.layer) for folder in folders]
        real = examples.pop() if config.real else []
        # a corpus of another text beside the first is all for training
        self.held_out = {"synthetic": examples[0][: config.held_out], "real": real[: config.held_out // 2]}
        self.synthetic = examples[0][config.held_out :] + [e for corpus in examples[1:] for e in corpus]
        self.real = real[config.held_out // 2 :]
        if not self.synthetic or (config.real and not self.real):
            raise UserError(f"too few utterances to train on: the first {config.held_out} are held out")
        pools = self.synthetic, self.real
        self.hours = [sum(e.units for e in pool) / 40 / 3600 for pool in pools]
        self.data = checkpoint.fingerprint(*(e.ids.numpy().tobytes() for pool in pools for e in pool))

    def settings(self) -> dict[str, str]:
        """All that shapes the weights but the number of steps, which may differ when a run is resumed."""
        settings = checkpoint.settings_of(self.config, "corpora", "real", "steps", "start")
        return settings | {"start": self.start, "shape": str(self.shape), "data": self.data}

    def step(self, step: int) -> dict[str, float]:
        """Learn from random crops of random utterances."""
        config, rng = self.config, seeded(self.config.seed, step, self.processes)
        batch = []
        for _ in range(config.batch_size):
            pool = self.real if self.real and rng.random() < config.real_share else self.synthetic
            batch.append(crop(pool[rng.integers(len(pool))], rng))
        rate = self.schedule(step)
        set_rates(self.optimizer, config.lr * rate, config.lr * config.tuned_lr_scale * rate)
        self.adapter.train()
        mine = batch[self.processes.rows(len(batch))]
        # the losses are means over units
        share = self.processes.share(*(sum(units for *_, units in part) for part in (mine, batch)))
        with precision.autocast("cpu", self.dtype):
            content, symbol, accuracy = losses(self.adapter, mine)
        loss = share * (content + config.symbol_weight * symbol)
        descend(self.optimizer, self.adapter.parameters(), loss, processes=self.processes)
        self.average.update(dict(self.adapter.named_parameters()), step)
        return {"mse": share * content.item(), "symbols": share * accuracy.item()}

    def averaged(self) -> ContentAdapter:
        """An adapter with the average of the weights."""
        adapter = ContentAdapter(self.shape)
        adapter.load_state_dict(self.adapter.state_dict() | self.average.tensors)
        return adapter

    def evaluate(self, step: int, board: Board | None) -> str:
        """Figures of the averaged weights on utterances that were held out."""
        adapter, lines = self.averaged(), []
        for name, pool in self.held_out.items():
            if pool:
                mse, right = evaluate(adapter, pool)
                lines.append(f"{name}: variance explained {1 - mse:.3f}, symbols right {right:.3f}")
        return "; ".join(lines)

    def state(self) -> dict[str, Any]:
        """Weights, their average, and the optimizer."""
        return {
            "adapter": self.adapter.state_dict(),
            "average": self.average.tensors,
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over an earlier state."""
        self.adapter.load_state_dict(state["adapter"])
        self.average.restore(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])

    def finish(self, step: int, board: Board | None) -> Path:
        """Write the averaged weights."""
        path = self.config.out / "content_adapter.safetensors"
        hours = {"spoken_hours": f"{self.hours[0]:.2f}", "real_hours": f"{self.hours[1]:.2f}"}
        self.averaged().save(path, **hours, steps=str(self.config.steps))
        return path


@torch.no_grad()
def evaluate(adapter: ContentAdapter, examples: list[Example]) -> tuple[float, float]:
    """Mean squared error and symbol accuracy on the beginning of each example, clean."""
    adapter.eval()
    rng = np.random.default_rng(0)
    content, _, accuracy = losses(adapter, [crop(e, rng, whole=True) for e in examples])
    return float(content), float(accuracy)


def _features_path(shard: Path, whisper: str, layer: int) -> Path:
    return shard.with_name(shard.name.replace("shard", f"features-{whisper}-{layer}"))
