"""Train the recogniser: Whisper's decoder learns to write the phonemes of speech that Kokoro spoke, and of real speech.

Read top to bottom: utterances are put together to clips of up to 14 seconds, as pieces of a recording are; Whisper's
encoder hears each clip as it is and disturbed, once; then AdamW with a cosine schedule on the changes of low rank, a
checkpoint to resume from, and the mean of the last weights as the result.
"""

import math
from collections.abc import Iterator
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
from nuanced_speech.core.constants import FEATURE_FRAMES_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.evaluate.metrics import EditCounts, count_edits
from nuanced_speech.models.phoneme_recognizer import Recogniser, RecogniserConfig, with_silence
from nuanced_speech.models.phoneme_tokenizer import END, Lexicon
from nuanced_speech.models.whisper import Listener
from nuanced_speech.text.symbols import vocabulary
from nuanced_speech.train import checkpoint
from nuanced_speech.train.content_adapter import disturb, with_gaps
from nuanced_speech.train.corpus import read_shard, shards_in
from nuanced_speech.train.pronounced import pronounced_words
from nuanced_speech.train.schedule import warm_cosine

CLIP_SECONDS = 14.0
# Clips of so many batches are drawn at once and sorted by length, so that little is padding.
DRAWN = 8


@dataclass
class RecogniserTraining:
    """How to train. ``corpora`` are folders that ``train corpus`` made, ``real`` is one that ``train real`` made."""

    corpora: list[Path]
    out: Path
    real: Path | None = None
    whisper: str = "base"
    rank: int = 32
    device: str = "cpu"
    steps: int = 150
    batch_size: int = 16
    lr: float = 3e-4
    warmup: int = 50
    weight_decay: float = 0.01
    real_share: float = 0.5
    # how much of what training changed is kept; the rest stays Whisper's, which has heard more speakers (as the weights
    # of Wortsman et al. 2022)
    kept: float = 0.65
    # tokens of what was written that are replaced by others, since what it writes itself will hold errors too
    slips: float = 0.06
    smoothing: float = 0.05
    ema: float = 0.98
    held_out: int = 20
    versions: int = 2
    real_versions: int = 4
    checkpoint_every: int = 100
    seed: int = 0
    precision: str = "auto"


@dataclass
class Clip:
    """``versions`` of features ``[F, D]`` fp16, and Kokoro's phonemes."""

    versions: list[Tensor]
    phonemes: str


def prepare_clips(corpus: Path, listener: Listener, versions: int, seed: int = 0) -> None:
    """Write what Whisper's encoder makes of every shard beside it, once: ``heard-WHISPER-NUMBER.safetensors`` holds for
    clip k its symbols ``k.ids`` and its versions ``k.v``.

    Raises:
        UserError: no shard in the folder.
    """
    for shard in tqdm(shards_in(corpus), f"clips of {corpus.name}"):
        target = _clips_path(shard, listener.name)
        if target.exists():
            continue
        rng = np.random.default_rng([seed, int(shard.stem.split("-")[1])])
        tensors: dict[str, Tensor] = {}
        for k, (wave, ids) in enumerate(_clips(shard, rng)):
            tensors[f"{k}.ids"] = ids.to(torch.int16)
            for version in range(versions):
                tensors[f"{k}.{version}"] = listener.features(with_silence(disturb(wave, version, rng)[0])).half().cpu()
        with audio.replacing(target) as path:
            save_file(tensors, path)


def _clips(shard: Path, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, Tensor]]:
    """One to three utterances one after the other, at 16 kHz, and their symbols with a space between."""
    space = torch.tensor([vocabulary()[" "]])
    waves: list[np.ndarray] = []
    ids: list[Tensor] = []
    utterances, wanted = read_shard(shard, ("audio", "ids")), rng.integers(1, 4)
    for k, utterance in enumerate(utterances):
        waves.append(utterance.audio.numpy())
        ids += [utterance.ids[1:-1], space]
        following = len(utterances[k + 1].audio) if k + 1 < len(utterances) else 0
        full = sum(map(len, waves)) + following > CLIP_SECONDS * audio.SAMPLE_RATE
        if not following or full or len(waves) == wanted:
            wave = audio.resample(np.concatenate(waves), audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE)
            yield wave, torch.cat(ids[:-1])
            waves, ids, wanted = [], [], rng.integers(1, 4)


def load_clips(corpus: Path, whisper: str) -> list[Clip]:
    """Every clip of a corpus, in order."""
    clips, symbols = [], {number: symbol for symbol, number in vocabulary().items()}
    for shard in shards_in(corpus):
        tensors = load_file(_clips_path(shard, whisper))
        for k in range(sum(name.endswith(".ids") for name in tensors)):
            versions: list[Tensor] = []
            while f"{k}.{len(versions)}" in tensors:
                versions.append(tensors[f"{k}.{len(versions)}"])
            clips.append(Clip(versions, "".join(symbols[number] for number in tensors[f"{k}.ids"].tolist())))
    return clips


def loss_of(
    recogniser: Recogniser, clips: list[Clip], rng: np.random.Generator, config: RecogniserTraining
) -> tuple[Tensor, Tensor]:
    """Cross entropy of the next token, and the share of tokens that were right."""
    device = torch.device(config.device)
    features = [with_gaps(clip.versions[rng.integers(len(clip.versions))].float(), rng) for clip in clips]
    frames = torch.tensor([len(x) for x in features], device=device)
    tokens = [torch.tensor(recogniser.lexicon.tokens(clip.phonemes)) for clip in clips]
    counts = torch.tensor([len(x) for x in tokens])
    wanted = torch.nn.utils.rnn.pad_sequence([F.pad(x, (0, 1), value=END) for x in tokens], True)
    written = wanted[:, :-1].clone()
    slipped = torch.from_numpy(rng.random(written.shape) < config.slips)
    written[slipped] = written.flatten()[torch.from_numpy(rng.integers(written.numel(), size=int(slipped.sum())))]
    heard = torch.nn.utils.rnn.pad_sequence(features, batch_first=True).to(device)
    valid = torch.arange(wanted.shape[1]) <= counts[:, None]
    with precision.autocast(device, precision.choose(config.precision, device)):
        logits = recogniser(heard, frames, written.to(device))[valid.to(device)]
    wanted = wanted[valid].to(device)
    loss = F.cross_entropy(logits, wanted, label_smoothing=config.smoothing)
    return loss, (logits.argmax(-1) == wanted).float().mean()


def train(config: RecogniserTraining) -> Path:
    """Train, resuming from ``out``'s checkpoint if there is one, and write ``recogniser.safetensors`` there."""
    config.out.mkdir(parents=True, exist_ok=True)
    listener = Listener(config.whisper, config.device)
    folders = [*config.corpora, *([config.real] if config.real else [])]
    for folder in folders:
        versions = config.real_versions if folder == config.real else config.versions
        prepare_clips(folder, listener, versions, config.seed)
    torch.manual_seed(config.seed)
    words = config.out / "lexicon.json"
    if not words.exists():
        pronounced_words(listener).save(words)
    recogniser = Recogniser(listener, Lexicon.load(words), RecogniserConfig(listener.name, config.rank))
    recogniser.open_changes()
    recogniser.to(config.device)
    # what is too long to be written cannot be learned
    longest = recogniser.longest - 1
    clips = [[c for c in load_clips(folder, listener.name) if len(c.phonemes) <= longest] for folder in folders]
    real = clips.pop() if config.real else []
    spoken = [clip for corpus in clips for clip in corpus]
    held_out = {"spoken": spoken[: config.held_out], "real": real[: config.held_out]}
    spoken, real = spoken[config.held_out :], real[config.held_out :]
    if not spoken or (config.real and not real):
        raise UserError(f"too few clips to train on: the first {config.held_out} are held out")

    learned = [p for p in recogniser.parameters() if p.requires_grad]
    start = {name: value.clone() for name, value in recogniser.changes().items()}
    average = {name: value.clone() for name, value in start.items()}
    optimizer = torch.optim.AdamW(learned, config.lr, (0.9, 0.98), weight_decay=config.weight_decay)
    path = config.out / "recogniser_checkpoint.pt"
    dtype = precision.choose(config.precision, config.device)
    first, precisions = 0, checkpoint.precisions_with({}, 0, dtype)
    if path.exists():
        state = checkpoint.load(path)
        try:
            recogniser.load_changes(state["changes"])
            optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise UserError(f"{path} is of a recogniser of another shape: give another --out") from error
        average, first = state["average"], state["step"]
        precisions = checkpoint.precisions_with(state, first, dtype)

    hours = [sum(len(clip.versions[0]) for clip in pool) / 50 / 3600 for pool in (spoken, real)]
    print(f"{hours[0]:.2f} h spoken by Kokoro, {hours[1]:.2f} h of real speech; steps {first} to {config.steps}")
    bar = tqdm(range(first, config.steps), "training", initial=first, total=config.steps)
    for step in bar:
        # everything random depends on the step alone, so that a resumed run ends where an uninterrupted one does
        draw = np.random.default_rng([config.seed, step // DRAWN])
        drawn = []
        for _ in range(DRAWN * config.batch_size):
            pool = real if real and draw.random() < config.real_share else spoken
            drawn.append(pool[draw.integers(len(pool))])
        drawn.sort(key=lambda clip: len(clip.versions[0]))
        place = int(draw.permutation(DRAWN)[step % DRAWN]) * config.batch_size
        rng = np.random.default_rng([config.seed, step, 1])
        rate = warm_cosine(step, config.steps, config.warmup)
        optimizer.param_groups[0]["lr"] = config.lr * rate
        loss, accuracy = loss_of(recogniser, drawn[place : place + config.batch_size], rng, config)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        with torch.no_grad():
            for name, value in recogniser.changes().items():
                average[name].lerp_(value, 1 - min(config.ema, (step + 1) / (step + 10)))
        bar.set_postfix(loss=f"{loss.item():.3f}", right=f"{accuracy.item():.3f}", refresh=False)
        if (step + 1) % config.checkpoint_every == 0 or step + 1 == config.steps:
            state = {"changes": recogniser.changes(), "average": average, "optimizer": optimizer.state_dict()}
            checkpoint.save(path, state | {"step": step + 1, "precisions": precisions})
            own = {name: value.clone() for name, value in recogniser.changes().items()}
            recogniser.load_changes(weighed(start, average, config.kept))
            wrong = [f"{name} {phoneme_errors(recogniser, pool):.3f}" for name, pool in held_out.items() if pool]
            tqdm.write(f"step {step + 1}: phonemes wrong, held out: {', '.join(wrong)}")
            recogniser.load_changes(own)
    recogniser.load_changes(weighed(start, average, config.kept))
    weights = config.out / "recogniser.safetensors"
    recogniser.save(weights, spoken_hours=f"{hours[0]:.2f}", real_hours=f"{hours[1]:.2f}", steps=str(config.steps))
    return weights


def weighed(start: dict[str, Tensor], end: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """A recogniser's ``changes`` that do a share of what training did from ``start`` to ``end``."""
    found = {}
    for name, value in end.items():
        # of a product of two matrices, which begins as zero, one is scaled
        found[name] = value if name.endswith("down") else torch.lerp(start[name], value, share)
    return found


def phoneme_errors(recogniser: Recogniser, clips: list[Clip]) -> float:
    """Share of the symbols that are inserted, lost or replaced where it writes freely."""
    counts = EditCounts(0, 0, 0, 0)
    device = next(recogniser.parameters()).device
    for clip in clips:
        units = math.ceil(len(clip.versions[0]) / FEATURE_FRAMES_PER_UNIT)
        said = recogniser.write(clip.versions[0].float().to(device), units)
        counts += count_edits(list(clip.phonemes), list(said))
    return counts.rate


def _clips_path(shard: Path, whisper: str) -> Path:
    return shard.with_name(shard.name.replace("shard", f"heard-{whisper}"))
