"""Train a codec language model on an LJSpeech-style data set.

Read top to bottom: codes are computed once and kept; each clip is learned with a prompt, a stretch of another clip of
its speaker, or without one; AdamW with warm-up and half a cosine. A run can be interrupted and started again.
"""

import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nuanced_speech import audio
from nuanced_speech.core import precision
from nuanced_speech.core.errors import UserError
from nuanced_speech.train import checkpoint
from nuanced_speech.train.board import Board, new_figure
from nuanced_speech.train.descent import descend
from nuanced_speech.train.loop import LoopConfig, Recipe, Report, run, seeded
from nuanced_speech.train.processes import ALONE, Processes, join
from nuanced_speech.train.schedule import WarmCosine, set_rates
from nuanced_speech.tts.codec import interface
from nuanced_speech.tts.codec.interface import AudioCodec
from nuanced_speech.tts.codec_lm.data import CodedClip, load
from nuanced_speech.tts.codec_lm.model import CodecLM, LMConfig, Utterance
from nuanced_speech.tts.codec_lm.text import TextTable
from nuanced_speech.tts.configs import LMTrainConfig

log = logging.getLogger(__name__)
CHECKPOINT, RESULT, CURVE = "checkpoint.pt", "codec_lm.safetensors", "loss.png"
LOG_EVERY = 10


def train(config: LMTrainConfig, report: Report = log.info) -> Path:
    """Train, going on from ``out``'s checkpoint if there is one; returns the path of the weights.

    Raises:
        UserError: a data set or a codec that cannot be used, or a checkpoint that was made with other settings.
    """
    processes = join(config.device)
    report = processes.only_main(report)
    checkpoint.make_folder(config.out)
    codec = interface.load(config.codec)
    if not 1 <= config.codebooks <= codec.codebooks:
        raise UserError(f"the codec {config.codec} has {codec.codebooks} codebooks: give 1 to {codec.codebooks}")
    if config.width % (2 * config.heads):
        raise UserError(
            f"a width of {config.width} cannot be shared by {config.heads} heads: give a multiple of twice it"
        )
    with processes.main_first():
        every = load(config.data, codec, config.codebooks, config.out)
    clips = [clip for clip in every if clip.codes.shape[1] <= config.max_seconds * codec.sample_rate / codec.hop_length]
    if not clips:
        raise UserError(f"{config.data}: every clip is longer than {config.max_seconds:g} s; cut them: tts prepare")
    processes.check_batch(min(config.batch_size, len(clips)))
    recipe = LMRecipe(config, codec, clips, processes)
    size = sum(parameter.numel() for parameter in recipe.model.parameters()) / 1e6
    left_out = f", {len(every) - len(clips)} too long" if len(every) > len(clips) else ""
    report(f"{len(clips)} clips, {recipe.hours:.2f} h{left_out}; {size:.1f} M parameters; {config.steps} steps")
    texts = "\n".join(f"{clip.name} {clip.text}" for clip in clips)
    settings = checkpoint.settings_of(config, "data") | {"texts": checkpoint.fingerprint(texts.encode())}
    loop = LoopConfig(config.steps, config.out / CHECKPOINT, settings, config.checkpoint_every, log_every=LOG_EVERY)
    result = run(recipe, loop, report, partial(Board, config.out / "tensorboard"))
    try:
        if processes.main:
            draw_curve(config.out / CURVE, recipe.losses)
    except UserError as error:
        report(f"{CURVE} is not drawn: {error}")
    return result


class LMRecipe(Recipe):
    """The language model, and the clips that it learns from."""

    def __init__(
        self, config: LMTrainConfig, codec: AudioCodec, clips: list[CodedClip], processes: Processes = ALONE
    ) -> None:
        self.config, self.codec, self.clips, self.processes = config, codec, clips, processes
        self.dtype = precision.choose(config.precision, config.device)
        self.rate = codec.sample_rate / codec.hop_length
        self.hours = sum(clip.codes.shape[1] for clip in clips) / self.rate / 3600
        self.speakers: dict[str, list[CodedClip]] = {}
        for clip in clips:
            self.speakers.setdefault(clip.speaker, []).append(clip)
        torch.manual_seed(config.seed)
        self.table = TextTable.of(clip.text for clip in clips)
        shape = LMConfig(
            len(self.table), config.codebooks, codec.entries, config.width, config.layers, config.heads,
            config.dropout, config.codec, interface.fingerprint(codec),
        )  # fmt: skip
        self.model = CodecLM(shape, self.table).to(config.device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), config.lr, (0.9, 0.98), weight_decay=0.01)
        self.schedule = WarmCosine(config.steps, max(1, config.steps // 20))
        self.losses: list[list[float]] = []

    def step(self, step: int) -> dict[str, float]:
        """Learn from random clips, half of them with a prompt."""
        config, clips, rng = self.config, self.clips, seeded(self.config.seed, step, self.processes)
        chosen = rng.choice(len(clips), min(config.batch_size, len(clips)), replace=False)
        batch = [
            _utterance(clips[k], self.speakers[clips[k].speaker], self.table, self.rate, config, rng) for k in chosen
        ]
        mine = batch[self.processes.rows(len(batch))]
        # the losses are means over codes and ends
        share = self.processes.share(*(sum(item.codes.shape[1] + 1 for item in part) for part in (mine, batch)))
        self.model.train()
        with precision.autocast(config.device, self.dtype):
            each = share * self.model.losses(mine)
        loss = each.mean()
        set_rates(self.optimizer, config.lr * self.schedule(step))
        descend(self.optimizer, self.model.parameters(), loss, processes=self.processes)
        figures = {"loss": loss.item()} | {f"codebook_{k + 1}": value.item() for k, value in enumerate(each)}
        figures = self.processes.mean(figures)
        self.losses.append([*figures.values()][1:])
        return figures

    def evaluate(self, step: int, board: Board | None) -> str:
        """The mean of the last losses; the first clip's text as the model says it now."""
        if board:
            _speak_one(self.model, self.codec, self.clips[0], board, step)
        return f"loss {np.mean(self.losses[-LOG_EVERY:]):.3f}"

    def state(self) -> dict[str, Any]:
        """Weights, optimizer, and the losses of all steps."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "losses": self.losses,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over an earlier state."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.losses = state["losses"]

    def finish(self, step: int, board: Board | None) -> Path:
        """Write the weights."""
        path = self.config.out / RESULT
        self.model.save(path, steps=str(self.config.steps), hours=f"{self.hours:.2f}")
        return path


def _utterance(
    clip: CodedClip,
    same: list[CodedClip],
    table: TextTable,
    rate: float,
    config: LMTrainConfig,
    rng: np.random.Generator,
) -> Utterance:
    """A clip with a prompt, of ``same``, the clips of its speaker, or without."""
    text = torch.tensor(table.encode(clip.text, config.spelled, rng), device=config.device)
    prompt = clip.codes[:, :0]
    if len(same) > 1 and rng.random() < config.prompted:
        other = same[rng.integers(len(same))]
        while other is clip:
            other = same[rng.integers(len(same))]
        codes = other.codes
        length = min(int(rng.uniform(0.5, 1) * config.prompt_seconds * rate), codes.shape[1])
        start = int(rng.integers(codes.shape[1] - length + 1))
        prompt = codes[:, start : start + length]
    return Utterance(text, clip.codes, prompt)


def _speak_one(model: CodecLM, codec: AudioCodec, clip: CodedClip, board: Board, step: int) -> None:
    """The first clip's text as the model says it now, beside the clip."""
    model.eval()
    text = torch.tensor(model.table.encode(clip.text), device=next(model.parameters()).device)
    codes = model.generate(text, temperature=0.0, max_frames=clip.codes.shape[1] * 3 // 2)
    if codes.shape[1]:
        board.writer.add_audio("sample/model", codec.decode(codes[None]), step, codec.sample_rate)
    board.writer.add_audio("sample/codec", codec.decode(clip.codes[None]), step, codec.sample_rate)


def draw_curve(path: Path, losses: list[list[float]]) -> None:
    """The loss of each codebook over the steps ``[steps][K]``, smoothed a little.

    Raises:
        UserError: the path cannot be written, or Matplotlib is not installed.
    """
    figure = new_figure(figsize=(8, 4.5), dpi=110, layout="constrained")
    axes = figure.subplots()
    window = max(1, min(10, len(losses)))
    for k, curve in enumerate(np.array(losses).T):
        smooth = np.convolve(curve, np.ones(window) / window, mode="valid")
        axes.plot(np.arange(window, len(curve) + 1), smooth, lw=1, label=f"codebook {k + 1}")
    axes.set(xlabel="step", ylabel="cross entropy, nats", title="Codec language model", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
    with audio.replacing(path) as temporary:
        figure.savefig(temporary)
