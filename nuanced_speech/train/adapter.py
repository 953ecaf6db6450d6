"""Train the content adapter on a corpus that Kokoro spoke, and on real speech that is aligned to its own transcript.

Read top to bottom: features are extracted once (clean and augmented) and kept beside the corpus; then batches of
crops, AdamW with a cosine schedule, a checkpoint to resume from, and the mean of the last weights as the result.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from nuanced_speech import audio
from nuanced_speech.content import ContentAdapter, ContentConfig
from nuanced_speech.kokoro import Kokoro
from nuanced_speech.train.augment import augment
from nuanced_speech.train.corpus import read_shard
from nuanced_speech.whisper import Listener

CROP_UNITS = 200
FRAMES_PER_CROP = CROP_UNITS * 5 // 4
# A crop begins where a 25 ms unit and a 20 ms feature frame begin together.
CROP_GRID = 4


@dataclass
class AdapterConfig:
    """How to train. ``real`` is a folder that ``train real`` prepared, ``start`` an adapter to go on from."""

    corpus: Path
    out: Path
    real: Path | None = None
    start: Path | None = None
    steps: int = 1000
    batch_size: int = 16
    lr: float = 1e-3
    warmup: int = 50
    weight_decay: float = 0.01
    symbol_weight: float = 0.1
    real_share: float = 0.3
    ema: float = 0.99
    held_out: int = 40
    checkpoint_every: int = 200
    seed: int = 0
    bfloat16: bool = True


@dataclass
class Example:
    """One utterance: features ``[F, D]`` fp16 clean and augmented, text features ``[P, 512]``, ids and durations."""

    features: list[Tensor]
    content: Tensor
    ids: Tensor
    durations: Tensor

    @property
    def units(self) -> int:
        return int(self.durations.sum())


def prepare_features(corpus: Path, listener: Listener, layers: tuple[int, ...], seed: int = 0) -> None:
    """Whisper features of every shard, clean and augmented, written beside it once."""
    for shard in tqdm(sorted(corpus.glob("shard-*.safetensors")), "features"):
        target = _features_path(shard)
        if target.exists():
            continue
        tensors: dict[str, Tensor] = {}
        for k, utterance in enumerate(read_shard(shard)):
            rng = np.random.default_rng([seed, int(shard.stem.split("-")[1]), k])
            wave = audio.resample(utterance.audio.numpy(), audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE)
            noisy = augment(wave, audio.WHISPER_SAMPLE_RATE, rng)
            tensors[f"{k}.clean"] = listener.features(wave, layers).half().cpu()
            tensors[f"{k}.augmented"] = listener.features(noisy, layers).half().cpu()
        save_file(tensors, target.with_suffix(".partial"))
        target.with_suffix(".partial").replace(target)


def load_examples(corpus: Path, kokoro: Kokoro) -> list[Example]:
    """Every utterance of the shards whose features are ready, in order."""
    examples = []
    for shard in tqdm(sorted(corpus.glob("shard-*.safetensors")), "loading"):
        if not _features_path(shard).exists():
            continue
        features = load_file(_features_path(shard))
        for k, utterance in enumerate(read_shard(shard, ("ids", "durations"))):
            with torch.no_grad():
                content = kokoro.encode_content(utterance.ids).T.half()
            kinds = [features[f"{k}.{kind}"] for kind in ("clean", "augmented") if f"{k}.{kind}" in features]
            examples.append(Example(kinds, content, utterance.ids, utterance.durations))
    return examples


def crop(example: Example, rng: np.random.Generator, start: int | None = None) -> tuple[Tensor, Tensor, Tensor, int]:
    """A random stretch: features ``[250, D]``, wanted content ``[200, 512]``, symbols ``[200]``, valid units."""
    latest = max(example.units - CROP_UNITS, 0)
    if start is None:
        start = int(rng.integers(latest // CROP_GRID + 1)) * CROP_GRID
    features = example.features[rng.integers(len(example.features))]
    first = start * 5 // 4
    piece = features[first : first + FRAMES_PER_CROP].float()
    tokens = torch.repeat_interleave(torch.arange(len(example.ids)), example.durations)[start : start + CROP_UNITS]
    units = len(tokens)
    return (
        F.pad(piece, (0, 0, 0, FRAMES_PER_CROP - len(piece))),
        F.pad(example.content[tokens].float(), (0, 0, 0, CROP_UNITS - units)),
        F.pad(example.ids[tokens], (0, CROP_UNITS - units)),
        units,
    )


def losses(adapter: ContentAdapter, batch: list[tuple[Tensor, Tensor, Tensor, int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean squared error in standard deviations, cross entropy of the symbols, and the symbols' accuracy."""
    features, content, symbols = (torch.stack(column) for column in list(zip(*batch, strict=True))[:3])
    units = torch.tensor([item[3] for item in batch])
    out = adapter(features, units)
    length = out.content.shape[-1]
    valid = torch.arange(length)[None] < units[:, None]
    error = (out.content.transpose(1, 2) - content[:, :length]) / adapter.content_std
    logits, wanted = out.logits.transpose(1, 2)[valid], symbols[:, :length][valid]
    return (
        error[valid].square().mean(),
        F.cross_entropy(logits, wanted),
        (logits.argmax(-1) == wanted).float().mean(),
    )


def train(config: AdapterConfig, shape: ContentConfig | None = None) -> Path:
    """Train, resuming from ``out``'s checkpoint if there is one, and write ``content_adapter.safetensors`` there."""
    shape = shape or ContentConfig()
    config.out.mkdir(parents=True, exist_ok=True)
    listener, kokoro = Listener(shape.whisper), Kokoro()
    prepare_features(config.corpus, listener, shape.layers, config.seed)
    examples = load_examples(config.corpus, kokoro)
    held_out, spoken = examples[: config.held_out], examples[config.held_out :]
    real = load_examples(config.real, kokoro) if config.real else []
    real_held_out, real = real[: config.held_out // 2], real[config.held_out // 2 :]

    torch.manual_seed(config.seed)
    adapter = ContentAdapter(shape)
    if config.start:
        adapter.load_state_dict(ContentAdapter.load(config.start).state_dict())
    else:
        sample = torch.cat([e.content.repeat_interleave(e.durations, 0) for e in spoken[:300]]).float()
        adapter.content_mean.copy_(sample.mean(0))
        adapter.content_std.copy_(sample.std(0))
    average = ContentAdapter(shape)
    average.load_state_dict(adapter.state_dict())
    optimizer = torch.optim.AdamW(adapter.parameters(), config.lr, (0.9, 0.98), weight_decay=config.weight_decay)
    checkpoint = config.out / "adapter_checkpoint.pt"
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        adapter.load_state_dict(state["adapter"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]

    hours = sum(e.units for e in spoken) / 40 / 3600, sum(e.units for e in real) / 40 / 3600
    print(f"{hours[0]:.2f} h spoken by Kokoro, {hours[1]:.2f} h of real speech; steps {first} to {config.steps}")
    bar = tqdm(range(first, config.steps), "training", initial=first, total=config.steps)
    for step in bar:
        # everything random depends on the step alone, so that a resumed run ends where an uninterrupted one does
        rng = np.random.default_rng([config.seed, step])
        torch.manual_seed(int(rng.integers(1 << 31)))
        batch = []
        for _ in range(config.batch_size):
            pool = real if real and rng.random() < config.real_share else spoken
            batch.append(crop(pool[rng.integers(len(pool))], rng))
        # schedule: linear warm-up, then half a cosine down to a hundredth
        progress = max(step - config.warmup, 0) / max(config.steps - config.warmup, 1)
        rate = min((step + 1) / config.warmup, 1) * (0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = config.lr * rate
        adapter.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            content, symbol, accuracy = losses(adapter, batch)
        optimizer.zero_grad()
        (content + config.symbol_weight * symbol).backward()
        torch.nn.utils.clip_grad_norm_(adapter.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for mean, value in zip(average.parameters(), adapter.parameters(), strict=True):
                mean.lerp_(value, 1 - min(config.ema, (step + 1) / (step + 10)))
        bar.set_postfix(mse=f"{content.item():.3f}", symbols=f"{accuracy.item():.2f}", refresh=False)
        done = step + 1 == config.steps
        if (step + 1) % config.checkpoint_every == 0 or done:
            _save_checkpoint(checkpoint, adapter, average, optimizer, step + 1)
            report = [f"step {step + 1}"]
            for name, pool in (("spoken", held_out), ("real", real_held_out)):
                if pool:
                    mse, right = evaluate(average, pool)
                    report.append(f"{name}: variance explained {1 - mse:.3f}, symbols right {right:.3f}")
            tqdm.write("; ".join(report))
    path = config.out / "content_adapter.safetensors"
    average.save(path, spoken_hours=f"{hours[0]:.2f}", real_hours=f"{hours[1]:.2f}", steps=str(config.steps))
    return path


@torch.no_grad()
def evaluate(adapter: ContentAdapter, examples: list[Example]) -> tuple[float, float]:
    """Mean squared error and symbol accuracy on the beginning of each example, clean."""
    adapter.eval()
    rng = np.random.default_rng(0)
    clean = [Example(e.features[:1], e.content, e.ids, e.durations) for e in examples]
    content, _, accuracy = losses(adapter, [crop(e, rng, start=0) for e in clean])
    return float(content), float(accuracy)


def _features_path(shard: Path) -> Path:
    return shard.with_name(shard.name.replace("shard", "features"))


def _save_checkpoint(
    path: Path, adapter: ContentAdapter, average: ContentAdapter, optimizer: torch.optim.Optimizer, step: int
) -> None:
    state = {
        "adapter": adapter.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
    }
    torch.save(state, path.with_suffix(".partial"))
    path.with_suffix(".partial").replace(path)
