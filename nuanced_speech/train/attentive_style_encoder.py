"""Train the attentive style encoder on speech that Kokoro spoke in random voices.

Read top to bottom: the outputs of Whisper's layers are computed once for each utterance, as it is and through a random
room, microphone and noise, and kept beside the corpus; batches of random stretches then train the encoder, which is
measured by the cosine to the true styles of stock voices that are held out.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from nuanced_speech import audio
from nuanced_speech.core.constants import TIMBRE_DIM
from nuanced_speech.core.progress import step_bar
from nuanced_speech.core.tensor_files import read_tensors
from nuanced_speech.models.attentive_style_encoder import AttentiveConfig, AttentiveStyleEncoder, pair_means
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.kokoro_layers import length_mask
from nuanced_speech.models.phoneme_recognizer import with_silence
from nuanced_speech.models.whisper import FEATURE_RATE, WhisperModel
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.train import checkpoint
from nuanced_speech.train.augment import augment
from nuanced_speech.train.board import Board
from nuanced_speech.train.configs import StyleTraining
from nuanced_speech.train.corpus import read_shard, shards_in
from nuanced_speech.train.descent import descend
from nuanced_speech.train.loop import LoopConfig, Recipe, Report, run, seeded
from nuanced_speech.train.processes import ALONE, Processes, join
from nuanced_speech.train.schedule import WarmCosine, set_rates
from nuanced_speech.voice.stock import HELD_OUT, stock_voices, style_of, voice_pack

log = logging.getLogger(__name__)
# Said by the held-out voices only.
UNSEEN = (
    "Would you mind if I opened the window for a moment, before the others come back?",
    "Eleven grey geese flew low over the marsh, and nobody in the boat said a word.",
    "Never in my life have I seen such a thoroughly ridiculous hat!",
)
# Of 25 Hz frames: 1.4 to 6 s.
SHORTEST, LONGEST = 35, 150


@dataclass(frozen=True)
class Example:
    """``versions`` of the features of Whisper's layers, fp16 ``[F, L, D]``, and the true style ``[256]``."""

    versions: list[Tensor]
    style: Tensor


def layer_features(listener: WhisperModel, wave: np.ndarray, layers: tuple[int, ...]) -> Tensor:
    """Layers of ``wave [T]`` at 16 kHz as a conversion computes them, ``[F, L, D]`` at 25 Hz, fp16."""
    frames = -(-len(wave) * FEATURE_RATE // audio.WHISPER_SAMPLE_RATE)
    features = listener.features(with_silence(wave), layers)[:frames]
    return pair_means(features.unflatten(-1, (len(layers), -1))).half().cpu()


def prepare(corpus: Path, listener: WhisperModel, layers: tuple[int, ...]) -> None:
    """Write the layers of every shard of a corpus, clean and augmented, to ``layers-WHISPER-NUMBER.safetensors``
    beside it.

    Raises:
        UserError: no shard in the folder.
    """
    for shard in step_bar(shards_in(corpus), f"features of {corpus.name}"):
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
    """Every utterance of a corpus that ``prepare`` encoded, in order.

    Raises:
        UserError: no shard in the folder.
    """
    return [example for shard in shards_in(corpus) for example in _read(_layers_path(shard, whisper))]


@torch.no_grad()
def held_out_examples(
    folder: Path,
    kokoro: Kokoro,
    listener: WhisperModel,
    layers: tuple[int, ...],
    voices: tuple[str, ...] = HELD_OUT,
    texts: tuple[str, ...] = UNSEEN,
) -> list[Example]:
    """The unseen sentences by the held-out voices, spoken and encoded once for a ``folder``, clean and augmented."""
    path = folder / f"held-out-{listener.name}.safetensors"
    if not path.exists():
        examples = []
        jobs = [(voice, text) for voice in voices for text in texts]
        for k, (voice, text) in enumerate(step_bar(jobs, "held-out voices")):
            ids = kokoro.tokens(phonemize(text, british=voice.startswith("b")))
            style = style_of(voice_pack(voice), len(ids) - 2)
            speech = kokoro(ids[None], style[None]).audio[0]
            examples.append(_example(listener, speech, style, layers, np.random.default_rng(k)))
        _write(path, examples)
    return _read(path)


def _example(
    listener: WhisperModel, speech: Tensor, style: Tensor, layers: tuple[int, ...], rng: np.random.Generator
) -> Example:
    """Features of ``speech [T]`` at 24 kHz as it is, and augmented."""
    wave = audio.resample(speech.numpy(), audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE)
    waves = wave, augment(wave, audio.WHISPER_SAMPLE_RATE, rng)
    return Example([layer_features(listener, w, layers) for w in waves], style)


def _write(path: Path, examples: Iterable[Example]) -> None:
    tensors: dict[str, Tensor] = {}
    for k, example in enumerate(examples):
        tensors |= {f"{k}.{version}": layers for version, layers in enumerate(example.versions)}
        tensors[f"{k}.style"] = example.style.clone()
    with audio.replacing(path) as temporary:
        save_file(tensors, temporary)


def _read(path: Path) -> list[Example]:
    """What ``_write`` wrote, in order."""
    tensors = read_tensors(path, "features for the style encoder", "remove it and prepare again")
    return [
        Example([tensors[f"{k}.0"], tensors[f"{k}.1"]], tensors[f"{k}.style"])
        for k in range(sum(name.endswith(".style") for name in tensors))
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


def train(
    config: StyleTraining,
    shape: AttentiveConfig | None = None,
    report: Report = log.info,
    voices: tuple[str, ...] = HELD_OUT,
    texts: tuple[str, ...] = UNSEEN,
    kokoro: Kokoro | None = None,
    listener: WhisperModel | None = None,
) -> Path:
    """Train, resuming from ``out``'s checkpoint if there is one, and write ``attentive.safetensors`` there.

    It is measured on ``texts`` by ``voices``, which no corpus holds. ``kokoro`` and ``listener`` (Whisper by the
    shape's name) are loaded if omitted.

    Raises:
        UserError: no corpus, or a checkpoint of other settings.
    """
    processes = join("cpu")
    processes.check_batch(config.batch_size)
    checkpoint.make_folder(config.out)
    with processes.main_first():
        recipe = AttentiveRecipe(config, shape or AttentiveConfig(), voices, texts, processes, kokoro, listener)
    processes.only_main(report)(f"{recipe.hours:.2f} h in {len(recipe.examples)} random voices; {config.steps} steps")
    path = config.out / "attentive_checkpoint.pt"
    return run(recipe, LoopConfig(config.steps, path, recipe.settings(), config.checkpoint_every), report)


class AttentiveRecipe(Recipe):
    """The encoder, and the examples that it learns from and is measured by."""

    def __init__(
        self,
        config: StyleTraining,
        shape: AttentiveConfig,
        voices: tuple[str, ...],
        texts: tuple[str, ...],
        processes: Processes = ALONE,
        kokoro: Kokoro | None = None,
        listener: WhisperModel | None = None,
    ) -> None:
        self.config, self.shape, self.processes = config, shape, processes
        listener = listener or WhisperModel(shape.whisper)
        layers = tuple(range(1, listener.depth + 1))
        for corpus in config.corpora:
            prepare(corpus, listener, layers)
        self.examples = [example for corpus in config.corpora for example in load_examples(corpus, listener.name)]
        self.held_out = held_out_examples(config.out, kokoro or Kokoro(), listener, layers, voices, texts)
        self.hours = sum(len(example.versions[0]) for example in self.examples) / 25 / 3600
        torch.manual_seed(config.seed)
        self.encoder = AttentiveStyleEncoder(shape)
        stock = [style_of(pack) for voice, pack in stock_voices().items() if voice not in HELD_OUT]
        self.encoder.calibrate(torch.stack(stock))
        self.optimizer = torch.optim.AdamW(self.encoder.parameters(), config.lr, weight_decay=config.weight_decay)
        self.schedule = WarmCosine(config.steps, config.warmup)

    def settings(self) -> dict[str, str]:
        """All that shapes the weights but the number of steps, which may differ when a run is resumed."""
        settings = checkpoint.settings_of(self.config, "corpora", "steps")
        return settings | {"shape": str(self.shape), "utterances": str(len(self.examples))}

    def step(self, step: int) -> dict[str, float]:
        """Learn from random stretches of random utterances."""
        config, rng = self.config, seeded(self.config.seed, step, self.processes)
        batch = [self.examples[k] for k in rng.integers(len(self.examples), size=config.batch_size)]
        rows = self.processes.rows(len(batch))
        pieces, batch = [stretch(example, rng) for example in batch][rows], batch[rows]
        mask = length_mask(torch.tensor([len(piece) for piece in pieces]), max(map(len, pieces)))
        self.encoder.train()
        styles = self.encoder(pad_sequence(pieces, batch_first=True), mask)
        loss, cosine = distance(self.encoder, styles, torch.stack([example.style for example in batch]))
        set_rates(self.optimizer, config.lr * self.schedule(step))
        total = loss + config.cosine_weight * cosine
        descend(self.optimizer, self.encoder.parameters(), total, processes=self.processes)
        return {"squares": loss.item(), "cosine": 1 - cosine.item()}

    def evaluate(self, step: int, board: Board | None) -> str:
        """Cosines on the held-out voices."""
        return "held-out voices: " + in_a_line(measure(self.encoder, self.held_out))

    def state(self) -> dict[str, Any]:
        """Weights and optimizer."""
        return {"encoder": self.encoder.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over an earlier state."""
        self.encoder.load_state_dict(state["encoder"])
        self.optimizer.load_state_dict(state["optimizer"])

    def finish(self, step: int, board: Board | None) -> Path:
        """Write the weights, with their cosines on the held-out voices."""
        path = self.config.out / "attentive.safetensors"
        figures = in_a_line(measure(self.encoder, self.held_out))
        self.encoder.save(path, hours=f"{self.hours:.2f}", steps=str(self.config.steps), held_out=figures)
        return path


def distance(encoder: AttentiveStyleEncoder, styles: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Of styles ``[B, 256]``: mean squared error in standard deviations, and mean of 1 - cosine over both halves."""
    squares = ((styles - targets) / encoder.style_std).square().mean()
    halves = zip(styles.split(TIMBRE_DIM, 1), targets.split(TIMBRE_DIM, 1), strict=True)
    return squares, 1 - torch.cat([F.cosine_similarity(a, b) for a, b in halves]).mean()


@torch.no_grad()
def measure(encoder: AttentiveStyleEncoder, examples: list[Example]) -> dict[str, float]:
    """Mean cosines on whole utterances: ``style clean``, ``timbre augmented`` and so on."""
    encoder.eval()
    figures: dict[str, float] = {}
    for version, name in enumerate(("clean", "augmented")):
        styles = torch.cat([encoder(example.versions[version][None]) for example in examples])
        targets = torch.stack([example.style for example in examples])
        for half, part in (("style", slice(None)), ("timbre", slice(TIMBRE_DIM)), ("prosody", slice(TIMBRE_DIM, None))):
            figures[f"{half} {name}"] = float(F.cosine_similarity(styles[:, part], targets[:, part]).mean())
    return figures


def in_a_line(figures: dict[str, float]) -> str:
    """Figures in a line."""
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items())


def _layers_path(shard: Path, whisper: str) -> Path:
    return shard.with_name(shard.name.replace("shard", f"layers-{whisper}"))
