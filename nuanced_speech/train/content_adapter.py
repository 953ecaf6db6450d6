"""Train the content adapter on a corpus that Kokoro spoke, and on real speech that is aligned to its own transcript.

Read top to bottom: features are extracted once, of each utterance as it is and of several disturbed versions, and kept
beside the corpus; then batches of crops with parts of the features missing, AdamW with a cosine schedule, a checkpoint
to resume from, and the mean of the last weights as the result.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from nuanced_speech import audio
from nuanced_speech.core import precision
from nuanced_speech.core.errors import UserError
from nuanced_speech.models.content_adapter import ContentAdapter, ContentConfig
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.whisper import Listener
from nuanced_speech.train import checkpoint
from nuanced_speech.train.augment import augment
from nuanced_speech.train.corpus import read_shard, shards_in
from nuanced_speech.train.schedule import warm_cosine

CROP_UNITS = 200
FRAMES_PER_CROP = CROP_UNITS * 5 // 4
# A crop begins where a 25 ms unit and a 20 ms feature frame begin together.
CROP_GRID = 4


# Versions of each utterance: as it is, augmented, the others faster or slower and half of them augmented too.
VERSIONS = 4
# Speed moves pitch and formants too: other speakers. Ko et al. 2015.
SPEEDS = (0.85, 1.18)


@dataclass
class AdapterConfig:
    """How to train. ``corpora`` are folders that ``train corpus`` made, ``real`` is one that ``train real`` made."""

    corpora: list[Path]
    out: Path
    real: Path | None = None
    steps: int = 2000
    batch_size: int = 16
    lr: float = 1e-3
    # of ``lr``, for Whisper's own blocks, which know something already
    tuned_lr_scale: float = 0.2
    warmup: int = 50
    weight_decay: float = 0.01
    symbol_weight: float = 0.3
    real_share: float = 0.5
    ema: float = 0.99
    held_out: int = 40
    checkpoint_every: int = 200
    seed: int = 0
    precision: str = "auto"


@dataclass
class Example:
    """Utterance: ``versions`` of (features ``[F, D]`` fp16, durations ``[P]``), ``content [P, 512]``, ``ids [P]``."""

    versions: list[tuple[Tensor, Tensor]]
    content: Tensor
    ids: Tensor

    @property
    def units(self) -> int:
        return int(self.versions[0][1].sum())


def prepare_features(corpus: Path, listener: Listener, layer: int, versions: int = VERSIONS, seed: int = 0) -> None:
    """Whisper features of every shard, written beside it once.

    ``features-WHISPER-LAYER-NUMBER.safetensors`` holds for utterance k and version v ``k.v`` (features) and
    ``k.v.speed``.

    Raises:
        UserError: no shard in the folder.
    """
    for shard in tqdm(shards_in(corpus), f"features of {corpus.name}"):
        target = _features_path(shard, listener.name, layer)
        if target.exists():
            continue
        tensors: dict[str, Tensor] = {}
        for k, utterance in enumerate(read_shard(shard, ("audio",))):
            wave = audio.resample(utterance.audio.numpy(), audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE)
            for version in range(versions):
                rng = np.random.default_rng([seed, int(shard.stem.split("-")[1]), k, version])
                heard, speed = disturb(wave, version, rng)
                tensors[f"{k}.{version}"] = listener.features(heard, (layer,)).half().cpu()
                tensors[f"{k}.{version}.speed"] = torch.tensor(speed)
        with audio.replacing(target) as path:
            save_file(tensors, path)


def disturb(wave: np.ndarray, version: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A version of ``wave [T]`` at 16 kHz, and how much faster it is."""
    rate = audio.WHISPER_SAMPLE_RATE
    speed = float(rng.uniform(*SPEEDS)) if version > 1 else 1.0
    heard = audio.resample(wave, round(rate * speed), rate)
    if version == 1 or (version > 1 and rng.random() < 0.5):
        heard = augment(heard, rate, rng)
    return heard, speed


def faster(durations: Tensor, speed: float) -> Tensor:
    """Durations ``[P]`` of the same speech at another speed, with every boundary at the nearest unit."""
    ends = (durations.cumsum(0) / speed).round().long()
    return torch.diff(ends, prepend=ends.new_zeros(1))


def load_examples(corpus: Path, kokoro: Kokoro, whisper: str, layer: int) -> list[Example]:
    """Every utterance of a corpus whose features are prepared, in order."""
    examples = []
    for shard in tqdm(shards_in(corpus), f"loading {corpus.name}"):
        features = load_file(_features_path(shard, whisper, layer))
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
    does with spectrograms: what is missing has to be told from its surroundings."""
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
    folders = [*config.corpora, *([config.real] if config.real else [])]
    for folder in folders:
        prepare_features(folder, listener, shape.layer, seed=config.seed)
    examples = [load_examples(folder, kokoro, shape.whisper, shape.layer) for folder in folders]
    real = examples.pop() if config.real else []
    # of the first corpus and of the real recordings; a corpus of another text beside the first is all for training
    held_out, real_held_out = examples[0][: config.held_out], real[: config.held_out // 2]
    spoken = examples[0][config.held_out :] + [e for corpus in examples[1:] for e in corpus]
    real = real[config.held_out // 2 :]
    if not spoken or (config.real and not real):
        raise UserError(f"too few utterances to train on: the first {config.held_out} are held out")

    torch.manual_seed(config.seed)
    adapter = ContentAdapter(shape)
    adapter.start_from(listener.model.encoder.blocks)
    sample = torch.cat([e.content.repeat_interleave(e.versions[0][1], 0) for e in spoken[:300]]).float()
    adapter.content_mean.copy_(sample.mean(0))
    adapter.content_std.copy_(sample.std(0))
    average = ContentAdapter(shape)
    average.load_state_dict(adapter.state_dict())
    tuned = list(adapter.tuned.parameters())
    others = [p for name, p in adapter.named_parameters() if not name.startswith("tuned.")]
    groups = [{"params": others}, {"params": tuned}]
    peaks = config.lr, config.lr * config.tuned_lr_scale
    optimizer = torch.optim.AdamW(groups, config.lr, (0.9, 0.98), weight_decay=config.weight_decay)
    path = config.out / "adapter_checkpoint.pt"
    dtype = precision.choose(config.precision, "cpu")
    first, precisions = 0, checkpoint.precisions_with({}, 0, dtype)
    if path.exists():
        state = checkpoint.load(path)
        try:
            adapter.load_state_dict(state["adapter"])
            average.load_state_dict(state["average"])
            optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise UserError(f"{path} is of an adapter of another shape: give another --out") from error
        first = state["step"]
        precisions = checkpoint.precisions_with(state, first, dtype)

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
        rate = warm_cosine(step, config.steps, config.warmup)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * rate
        adapter.train()
        with precision.autocast("cpu", dtype):
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
            _save_checkpoint(path, adapter, average, optimizer, step + 1, precisions)
            report = [f"step {step + 1}"]
            for name, pool in (("spoken", held_out), ("real", real_held_out)):
                if pool:
                    mse, right = evaluate(average, pool)
                    report.append(f"{name}: variance explained {1 - mse:.3f}, symbols right {right:.3f}")
            tqdm.write("; ".join(report))
    weights = config.out / "content_adapter.safetensors"
    average.save(weights, spoken_hours=f"{hours[0]:.2f}", real_hours=f"{hours[1]:.2f}", steps=str(config.steps))
    return weights


@torch.no_grad()
def evaluate(adapter: ContentAdapter, examples: list[Example]) -> tuple[float, float]:
    """Mean squared error and symbol accuracy on the beginning of each example, clean."""
    adapter.eval()
    rng = np.random.default_rng(0)
    content, _, accuracy = losses(adapter, [crop(e, rng, whole=True) for e in examples])
    return float(content), float(accuracy)


def _features_path(shard: Path, whisper: str, layer: int) -> Path:
    return shard.with_name(shard.name.replace("shard", f"features-{whisper}-{layer}"))


def _save_checkpoint(
    path: Path,
    adapter: ContentAdapter,
    average: ContentAdapter,
    optimizer: torch.optim.Optimizer,
    step: int,
    precisions: list[str],
) -> None:
    state = {
        "adapter": adapter.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "precisions": precisions,
    }
    checkpoint.save(path, state)
