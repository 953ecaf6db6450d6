"""Train the recogniser: Whisper's decoder learns to write the phonemes of speech that Kokoro spoke, and of real speech.

Read top to bottom: utterances are put together to clips of up to 14 seconds, as long as pieces of a recording; the
features of each clip, as it is and disturbed, are computed once; AdamW with a cosine schedule then trains the changes
of low rank, and the average of the last weights is the result.
"""

import logging
import math
from collections.abc import Iterator
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
from nuanced_speech.core.constants import FEATURE_FRAMES_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import step_bar
from nuanced_speech.core.symbols import vocabulary
from nuanced_speech.core.tensor_files import read_tensors
from nuanced_speech.models.phoneme_recognizer import PhonemeRecognizer, PhonemeRecognizerConfig, with_silence
from nuanced_speech.models.phoneme_tokenizer import END, PhonemeTokenizer
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.word_errors import EditCounts, count_edits
from nuanced_speech.train import checkpoint
from nuanced_speech.train.board import Board
from nuanced_speech.train.configs import PhonemeRecognizerTraining
from nuanced_speech.train.content_adapter import disturb, with_gaps
from nuanced_speech.train.corpus import read_shard, shards_in
from nuanced_speech.train.descent import WeightAverage, descend
from nuanced_speech.train.loop import LoopConfig, Recipe, Report, run
from nuanced_speech.train.processes import ALONE, Processes, join
from nuanced_speech.train.pronounced import pronounced_words
from nuanced_speech.train.schedule import WarmCosine, set_rates

log = logging.getLogger(__name__)
CLIP_SECONDS = 14.0
# Clips of so many batches are drawn at once and sorted by length, so that little is padding.
DRAWN = 8


@dataclass(frozen=True)
class Clip:
    """``versions`` of features ``[F, D]`` fp16, and Kokoro's phonemes."""

    versions: list[Tensor]
    phonemes: str


def prepare_clips(corpus: Path, listener: WhisperModel, versions: int, seed: int = 0) -> None:
    """Write Whisper's features of every shard beside it, once: ``heard-WHISPER-NUMBER.safetensors`` holds for clip k
    its symbols ``k.ids`` and its versions ``k.v``.

    Raises:
        UserError: no shard in the folder.
    """
    for shard in step_bar(shards_in(corpus), f"clips of {corpus.name}"):
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
    utterances, together = read_shard(shard, ("audio", "ids")), rng.integers(1, 4)
    for k, utterance in enumerate(utterances):
        waves.append(utterance.audio.numpy())
        ids += [utterance.ids[1:-1], space]
        following = len(utterances[k + 1].audio) if k + 1 < len(utterances) else 0
        full = sum(map(len, waves)) + following > CLIP_SECONDS * audio.SAMPLE_RATE
        if not following or full or len(waves) == together:
            wave = audio.resample(np.concatenate(waves), audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE)
            yield wave, torch.cat(ids[:-1])
            waves, ids, together = [], [], rng.integers(1, 4)


def load_clips(corpus: Path, whisper: str) -> list[Clip]:
    """Every clip of a corpus, in order."""
    clips, symbols = [], {number: symbol for symbol, number in vocabulary().items()}
    for shard in shards_in(corpus):
        tensors = read_tensors(_clips_path(shard, whisper), "clips of a corpus", "remove it and prepare again")
        for k in range(sum(name.endswith(".ids") for name in tensors)):
            versions: list[Tensor] = []
            while f"{k}.{len(versions)}" in tensors:
                versions.append(tensors[f"{k}.{len(versions)}"])
            clips.append(Clip(versions, "".join(symbols[number] for number in tensors[f"{k}.ids"].tolist())))
    return clips


def loss_of(
    recogniser: PhonemeRecognizer,
    clips: list[Clip],
    rng: np.random.Generator,
    config: PhonemeRecognizerTraining,
    processes: Processes = ALONE,
) -> tuple[Tensor, Tensor]:
    """Cross entropy of the next token, and the share of tokens that were right; of this process's clips, so that the
    mean over processes is that of all."""
    device = torch.device(config.device)
    features = [with_gaps(clip.versions[rng.integers(len(clip.versions))].float(), rng) for clip in clips]
    frames = torch.tensor([len(x) for x in features], device=device)
    tokens = [torch.tensor(recogniser.tokenizer.tokens(clip.phonemes)) for clip in clips]
    counts = torch.tensor([len(x) for x in tokens])
    targets = torch.nn.utils.rnn.pad_sequence([F.pad(x, (0, 1), value=END) for x in tokens], True)
    inputs = targets[:, :-1].clone()
    slipped = torch.from_numpy(rng.random(inputs.shape) < config.slips)
    inputs[slipped] = inputs.flatten()[torch.from_numpy(rng.integers(inputs.numel(), size=int(slipped.sum())))]
    valid, rows = torch.arange(targets.shape[1]) <= counts[:, None], processes.rows(len(clips))
    share = processes.share(int(valid[rows].sum()), int(valid.sum()))
    frames, inputs, targets, valid = (x[rows] for x in (frames, inputs, targets, valid))
    padded = torch.nn.utils.rnn.pad_sequence(features[rows], batch_first=True).to(device)
    with precision.autocast(device, precision.choose(config.precision, device)):
        logits = recogniser(padded, frames, inputs.to(device))[valid.to(device)]
    targets = targets[valid].to(device)
    loss = F.cross_entropy(logits, targets, label_smoothing=config.smoothing)
    return share * loss, share * (logits.argmax(-1) == targets).float().mean()


def train(config: PhonemeRecognizerTraining, report: Report = log.info, listener: WhisperModel | None = None) -> Path:
    """Train, resuming from ``out``'s checkpoint if there is one, and write ``recogniser.safetensors`` there.

    ``listener``, Whisper by the config's name, is loaded if omitted; its own weights do not change.

    Raises:
        UserError: too few clips, or a checkpoint that was made with other settings.
    """
    processes = join(config.device)
    processes.check_batch(config.batch_size)
    checkpoint.make_folder(config.out)
    with processes.main_first():
        recipe = PhonemeRecognizerRecipe(config, processes, listener)
    processes.only_main(report)(
        f"{recipe.hours[0]:.2f} h spoken by Kokoro, {recipe.hours[1]:.2f} h of real speech; {config.steps} steps"
    )
    path = config.out / "recogniser_checkpoint.pt"
    return run(recipe, LoopConfig(config.steps, path, recipe.settings(), config.checkpoint_every), report)


class PhonemeRecognizerRecipe(Recipe):
    """The recogniser, the average of what training changed, and the clips that it learns from."""

    def __init__(
        self, config: PhonemeRecognizerTraining, processes: Processes = ALONE, listener: WhisperModel | None = None
    ) -> None:
        self.config, self.processes = config, processes
        self.dtype = precision.choose(config.precision, config.device)
        listener = listener or WhisperModel(config.whisper, config.device)
        folders = [*config.corpora, *([config.real] if config.real else [])]
        for folder in folders:
            versions = config.real_versions if folder == config.real else config.versions
            prepare_clips(folder, listener, versions, config.seed)
        torch.manual_seed(config.seed)
        words = config.out / "lexicon.json"
        if not words.exists():
            pronounced_words(listener).save(words)
        lexicon = PhonemeTokenizer.load(words)
        self.recogniser = PhonemeRecognizer(listener, lexicon, PhonemeRecognizerConfig(listener.name, config.rank))
        self.recogniser.add_low_rank()
        self.recogniser.to(config.device)
        self._read_clips(folders, listener.name)
        self.learned = [p for p in self.recogniser.parameters() if p.requires_grad]
        self.start = {name: value.clone() for name, value in self.recogniser.trained_state().items()}
        self.average = WeightAverage(self.start, config.ema)
        self.optimizer = torch.optim.AdamW(self.learned, config.lr, (0.9, 0.98), weight_decay=config.weight_decay)
        self.schedule = WarmCosine(config.steps, config.warmup)

    def _read_clips(self, folders: list[Path], whisper: str) -> None:
        """Read what to learn from, and hold back the first clips."""
        held = self.config.held_out
        # what is too long to be written cannot be learned
        longest = self.recogniser.max_tokens - 1
        if self.config.max_phonemes is not None:
            longest = min(longest, self.config.max_phonemes)
        clips = [[c for c in load_clips(folder, whisper) if len(c.phonemes) <= longest] for folder in folders]
        real = clips.pop() if self.config.real else []
        synthetic = [clip for corpus in clips for clip in corpus]
        self.held_out = {"synthetic": synthetic[:held], "real": real[:held]}
        self.synthetic, self.real = synthetic[held:], real[held:]
        if not self.synthetic or (self.config.real and not self.real):
            raise UserError(f"too few clips to train on: the first {held} are held out")
        pools = self.synthetic, self.real
        self.hours = [sum(len(clip.versions[0]) for clip in pool) / 50 / 3600 for pool in pools]
        self.data = checkpoint.fingerprint(*(clip.phonemes.encode() for pool in pools for clip in pool))

    def settings(self) -> dict[str, str]:
        """All that shapes the weights but the number of steps, which may differ when a run is resumed.

        The fingerprint of the clips stands for the settings that choose them.
        """
        settings = checkpoint.settings_of(self.config, "corpora", "real", "steps", "max_phonemes")
        words = checkpoint.fingerprint(self.recogniser.tokenizer.json().encode())
        return settings | {"data": self.data, "lexicon": words}

    def batch(self, step: int) -> list[Clip]:
        """Random clips of a step, all of about the same length."""
        config = self.config
        rng = np.random.default_rng([config.seed, step // DRAWN])
        clips = []
        for _ in range(DRAWN * config.batch_size):
            pool = self.real if self.real and rng.random() < config.real_share else self.synthetic
            clips.append(pool[rng.integers(len(pool))])
        clips.sort(key=lambda clip: len(clip.versions[0]))
        place = int(rng.permutation(DRAWN)[step % DRAWN]) * config.batch_size
        return clips[place : place + config.batch_size]

    def step(self, step: int) -> dict[str, float]:
        """Learn from a batch of clips."""
        rng = np.random.default_rng([self.config.seed, step, 1])
        set_rates(self.optimizer, self.config.lr * self.schedule(step))
        loss, accuracy = loss_of(self.recogniser, self.batch(step), rng, self.config, self.processes)
        descend(self.optimizer, self.learned, loss, processes=self.processes)
        self.average.update(self.recogniser.trained_state(), step)
        return {"loss": loss.item(), "right": accuracy.item()}

    def evaluate(self, step: int, board: Board | None) -> str:
        """Errors of the weights that would be the result now, on clips that were held out."""
        present = {name: value.clone() for name, value in self.recogniser.trained_state().items()}
        self._load_result()
        rates = [f"{name} {phoneme_errors(self.recogniser, pool):.3f}" for name, pool in self.held_out.items() if pool]
        self.recogniser.load_trained_state(present)
        return f"phonemes wrong, held out: {', '.join(rates)}"

    def _load_result(self) -> None:
        self.recogniser.load_trained_state(weighed(self.start, self.average.tensors, self.config.kept))

    def state(self) -> dict[str, Any]:
        """Weights that training changes, their average, and the optimizer."""
        return {
            "changes": self.recogniser.trained_state(),
            "average": self.average.tensors,
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over an earlier state."""
        self.recogniser.load_trained_state(state["changes"])
        self.average.restore(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])

    def finish(self, step: int, board: Board | None) -> Path:
        """Write a share of the average of what training changed."""
        self._load_result()
        path = self.config.out / "recogniser.safetensors"
        hours = {"spoken_hours": f"{self.hours[0]:.2f}", "real_hours": f"{self.hours[1]:.2f}"}
        self.recogniser.save(path, **hours, steps=str(self.config.steps))
        return path


def weighed(start: dict[str, Tensor], end: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """A recogniser's ``changes`` that do a share of what training did from ``start`` to ``end``."""
    changes = {}
    for name, value in end.items():
        # of a product of two matrices, which begins as zero, one is scaled
        changes[name] = value if name.endswith("down") else torch.lerp(start[name], value, share)
    return changes


def phoneme_errors(recogniser: PhonemeRecognizer, clips: list[Clip]) -> float:
    """Share of the symbols that are inserted, lost or replaced where it writes freely."""
    counts = EditCounts(0, 0, 0, 0)
    device = next(recogniser.parameters()).device
    for clip in clips:
        units = math.ceil(len(clip.versions[0]) / FEATURE_FRAMES_PER_UNIT)
        phonemes = recogniser.transcribe(clip.versions[0].float().to(device), units)
        counts += count_edits(list(clip.phonemes), list(phonemes))
    return counts.rate


def _clips_path(shard: Path, whisper: str) -> Path:
    return shard.with_name(shard.name.replace("shard", f"heard-{whisper}"))
