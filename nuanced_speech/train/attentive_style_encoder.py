"""Train the attentive style encoder on speech that Kokoro spoke in random voices.

Read top to bottom: Whisper's layers are heard once, of each utterance as it is and through a random room, microphone
and noise, and kept beside the corpus; then batches of random stretches, the loss on styles, a checkpoint to resume
from, and at each of these the cosine to the true style of the stock voices that no training has heard.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from nuanced_speech import audio
from nuanced_speech.core.constants import TIMBRE_DIM
from nuanced_speech.models.attentive_style_encoder import AttentiveConfig, AttentiveEncoder, together
from nuanced_speech.models.kokoro import Kokoro, length_mask
from nuanced_speech.models.phoneme_recognizer import with_silence
from nuanced_speech.models.whisper import FEATURE_RATE, Listener
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.train import checkpoint
from nuanced_speech.train.augment import augment
from nuanced_speech.train.corpus import read_shard, shards_in
from nuanced_speech.train.schedule import warm_cosine
from nuanced_speech.voice.stock import HELD_OUT, stock_voices, style_of, voice_pack

# Said by the held-out voices only.
UNSEEN = (
    "Would you mind if I opened the window for a moment, before the others come back?",
    "Eleven grey geese flew low over the marsh, and nobody in the boat said a word.",
    "Never in my life have I seen such a thoroughly ridiculous hat!",
)
# Of 25 Hz frames: 1.4 to 6 s.
SHORTEST, LONGEST = 35, 150


@dataclass
class StyleTraining:
    """How to train. ``corpora`` are folders that ``train corpus`` made."""

    corpora: list[Path]
    out: Path
    shape: AttentiveConfig = field(default_factory=AttentiveConfig)
    steps: int = 900
    batch_size: int = 48
    lr: float = 1e-3
    warmup: int = 100
    weight_decay: float = 0.02
    # of the cosine distance of the halves beside the squared error in standard deviations
    cosine_weight: float = 5.0
    checkpoint_every: int = 250
    seed: int = 0


@dataclass
class Example:
    """``versions`` of what Whisper's layers heard, fp16 ``[F, L, D]``, and the true style ``[256]``."""

    versions: list[Tensor]
    style: Tensor


def hear(listener: Listener, wave: np.ndarray, layers: tuple[int, ...]) -> Tensor:
    """Layers of ``wave [T]`` at 16 kHz as a conversion hears them, ``[F, L, D]`` at 25 Hz, fp16."""
    frames = -(-len(wave) * FEATURE_RATE // audio.WHISPER_SAMPLE_RATE)
    features = listener.features(with_silence(wave), layers)[:frames]
    return together(features.unflatten(-1, (len(layers), -1))).half().cpu()


def prepare(corpus: Path, listener: Listener, layers: tuple[int, ...]) -> None:
    """Hear every shard of a corpus, clean and augmented, into ``layers-WHISPER-NUMBER.safetensors`` beside it.

    Raises:
        UserError: no shard in the folder.
    """
    for shard in tqdm(shards_in(corpus), f"hearing {corpus.name}"):
        target = _layers_path(shard, listener.name)
        if target.exists():
            continue
        number = int(shard.stem.split("-")[1])
        _write(
            target,
            (
                _example(listener, utterance.audio, utterance.style, layers, np.random.default_rng([number, k]))
                for k, utterance in enumerate(read_shard(shard, ("audio", "style")))
            ),
        )


def load_examples(corpus: Path, whisper: str) -> list[Example]:
    """Every utterance of a corpus that ``prepare`` heard, in order.

    Raises:
        UserError: no shard in the folder.
    """
    return [example for shard in shards_in(corpus) for example in _read(_layers_path(shard, whisper))]


@torch.no_grad()
def held_out_examples(folder: Path, kokoro: Kokoro, listener: Listener, layers: tuple[int, ...]) -> list[Example]:
    """The unseen sentences by the held-out voices, spoken and heard once for a ``folder``, clean and augmented."""
    path = folder / f"held-out-{listener.name}.safetensors"
    if not path.exists():
        examples = []
        jobs = [(voice, text) for voice in HELD_OUT for text in UNSEEN]
        for k, (voice, text) in enumerate(tqdm(jobs, "held-out voices")):
            ids = kokoro.tokens(phonemize(text, british=voice.startswith("b")))
            style = style_of(voice_pack(voice), len(ids) - 2)
            spoken = kokoro(ids[None], style[None]).audio[0]
            examples.append(_example(listener, spoken, style, layers, np.random.default_rng(k)))
        _write(path, examples)
    return _read(path)


def _example(
    listener: Listener, spoken: Tensor, style: Tensor, layers: tuple[int, ...], rng: np.random.Generator
) -> Example:
    """``spoken [T]`` at 24 kHz heard as it is, and augmented."""
    wave = audio.resample(spoken.numpy(), audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE)
    waves = wave, augment(wave, audio.WHISPER_SAMPLE_RATE, rng)
    return Example([hear(listener, w, layers) for w in waves], style)


def _write(path: Path, examples: Iterable[Example]) -> None:
    tensors: dict[str, Tensor] = {}
    for k, example in enumerate(examples):
        tensors |= {f"{k}.{version}": heard for version, heard in enumerate(example.versions)}
        tensors[f"{k}.style"] = example.style.clone()
    with audio.replacing(path) as temporary:
        save_file(tensors, temporary)


def _read(path: Path) -> list[Example]:
    """What ``_write`` wrote, in order."""
    heard = load_file(path)
    return [
        Example([heard[f"{k}.0"], heard[f"{k}.1"]], heard[f"{k}.style"])
        for k in range(sum(name.endswith(".style") for name in heard))
    ]


def stretch(example: Example, rng: np.random.Generator) -> Tensor:
    """A random stretch of a random version, ``[F, L, D]``, a part of its frames and of its channels missing."""
    features = example.versions[rng.integers(len(example.versions))]
    length = min(int(rng.integers(SHORTEST, LONGEST + 1)), len(features))
    start = int(rng.integers(len(features) - length + 1))
    piece = features[start : start + length].float()
    piece = piece[torch.from_numpy(np.flatnonzero(rng.random(length) >= rng.uniform(0, 0.3)))] if length > 20 else piece
    if rng.random() < 0.5:
        piece = piece * torch.from_numpy(rng.random(piece.shape[-1]) >= rng.uniform(0, 0.2))
    return piece


def train(config: StyleTraining) -> Path:
    """Train, resuming from ``out``'s checkpoint if there is one, and write ``attentive.safetensors`` there.

    Raises:
        UserError: no corpus, or a checkpoint of other settings.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    listener = Listener(config.shape.whisper)
    layers = tuple(range(1, listener.depth + 1))
    for corpus in config.corpora:
        prepare(corpus, listener, layers)
    examples = [example for corpus in config.corpora for example in load_examples(corpus, listener.name)]
    judged = held_out_examples(config.out, Kokoro(), listener, layers)

    settings = {
        "shape": str(config.shape),
        "utterances": str(len(examples)),
        "batch size": str(config.batch_size),
        "lr": str(config.lr),
        "seed": str(config.seed),
    }

    torch.manual_seed(config.seed)
    encoder = AttentiveEncoder(config.shape)
    encoder.calibrate(torch.stack([style_of(pack) for voice, pack in stock_voices().items() if voice not in HELD_OUT]))
    optimizer = torch.optim.AdamW(encoder.parameters(), config.lr, weight_decay=config.weight_decay)
    path, first = config.out / "attentive_checkpoint.pt", 0
    if path.exists():
        state = checkpoint.load(path)
        checkpoint.check_same(path, state.get("settings", {}), settings)
        encoder.load_state_dict(state["encoder"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]

    hours = sum(len(example.versions[0]) for example in examples) / 25 / 3600
    print(f"{hours:.2f} h in {len(examples)} random voices; steps {first} to {config.steps}")
    bar = tqdm(range(first, config.steps), "training", initial=first, total=config.steps)
    for step in bar:
        # everything random depends on the step alone, so that a resumed run ends where an uninterrupted one does
        rng = np.random.default_rng([config.seed, step])
        torch.manual_seed(int(rng.integers(1 << 31)))
        batch = [examples[k] for k in rng.integers(len(examples), size=config.batch_size)]
        pieces = [stretch(example, rng) for example in batch]
        mask = length_mask(torch.tensor([len(piece) for piece in pieces]), max(map(len, pieces)))
        encoder.train()
        found = encoder(pad_sequence(pieces, batch_first=True), mask)
        loss, cosine = distance(encoder, found, torch.stack([example.style for example in batch]))
        for group in optimizer.param_groups:
            group["lr"] = config.lr * warm_cosine(step, config.steps, config.warmup)
        optimizer.zero_grad()
        (loss + config.cosine_weight * cosine).backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        bar.set_postfix(squares=f"{loss.item():.3f}", cosine=f"{1 - cosine.item():.3f}", refresh=False)
        if (step + 1) % config.checkpoint_every == 0 or step + 1 == config.steps:
            state = {"settings": settings, "step": step + 1}
            checkpoint.save(path, state | {"encoder": encoder.state_dict(), "optimizer": optimizer.state_dict()})
            tqdm.write(f"step {step + 1}: held-out voices: " + report(measure(encoder, judged)))
    figures = measure(encoder, judged)
    weights = config.out / "attentive.safetensors"
    encoder.save(weights, hours=f"{hours:.2f}", steps=str(config.steps), held_out=report(figures))
    return weights


def distance(encoder: AttentiveEncoder, found: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Of styles ``[B, 256]``: mean squared error in standard deviations, and mean of 1 - cosine over both halves."""
    squares = ((found - true) / encoder.style_std).square().mean()
    halves = [
        F.cosine_similarity(a, b) for a, b in zip(found.split(TIMBRE_DIM, 1), true.split(TIMBRE_DIM, 1), strict=True)
    ]
    return squares, 1 - torch.cat(halves).mean()


@torch.no_grad()
def measure(encoder: AttentiveEncoder, examples: list[Example]) -> dict[str, float]:
    """Mean cosines on whole utterances: ``style clean``, ``timbre augmented`` and so on."""
    encoder.eval()
    figures: dict[str, float] = {}
    for version, name in enumerate(("clean", "augmented")):
        found = torch.cat([encoder(example.versions[version][None]) for example in examples])
        true = torch.stack([example.style for example in examples])
        for half, part in (("style", slice(None)), ("timbre", slice(TIMBRE_DIM)), ("prosody", slice(TIMBRE_DIM, None))):
            figures[f"{half} {name}"] = float(F.cosine_similarity(found[:, part], true[:, part]).mean())
    return figures


def report(figures: dict[str, float]) -> str:
    """Figures in a line."""
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items())


def _layers_path(shard: Path, whisper: str) -> Path:
    return shard.with_name(shard.name.replace("shard", f"layers-{whisper}"))
