"""The training recipe of the style encoder; ``train`` reads from top to bottom.

Each sentence of a text is spoken once by Kokoro in a random voice of a list and encoded once by Whisper. Segments are
the sentences, whose bounds are known exactly; those that Whisper would find may run over a change of voice. The encoder
predicts each segment's style, Kokoro renders it with the reference's durations, and the loss is the distance of the two
renderings (STFT), of the styles (cosine and MSE), and of the predicted prosody.

Everything random depends on the seed and the epoch alone, so a checkpoint needs no generator's state, and a run that
was killed ends with the same weights, bit for bit, as one that was not.
"""

import json
import logging
import math
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from nuanced_speech import audio
from nuanced_speech.core.device import find_device
from nuanced_speech.core.progress import above_bars, step_bar
from nuanced_speech.dsp.stft_loss import MultiResolutionSTFTLoss
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.kokoro_layers import length_mask
from nuanced_speech.models.style_encoder import StyleEncoder
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.train.board import Board
from nuanced_speech.train.corpus import read_sentences
from nuanced_speech.train.loop import LoopConfig, Recipe, Report, run
from nuanced_speech.train.losses import StyleSimilarityLoss
from nuanced_speech.train.objective import RenderLoss, render_loss, resynthesize
from nuanced_speech.train.processes import only_one
from nuanced_speech.train.references import (
    UNSEEN_SENTENCE,
    ReferenceSegment,
    ReferenceSpeaker,
    ReferenceSpeech,
    corpus_vectors,
    join,
    segment_list,
    speak_all,
)
from nuanced_speech.train.report import SpeechBoard, similarity, tables, write_json
from nuanced_speech.train.schedule import WarmCosine, set_rates
from nuanced_speech.train.settings import BEST, CHECKPOINT, TrainConfig, check, identity
from nuanced_speech.voice.stock import stock_voices, style_of

log = logging.getLogger(__name__)
# One utterance in ten of a corpus is kept back to choose the best weights.
KEPT_BACK = 10
# Shares: of the steps until the highest learning rate, and of this rate at the end.
WARMUP, LAST_RATE = 0.05, 0.05
# A step costs about this many times the decoding that is in it.
STEP_COST = 2.7


def train(
    config: TrainConfig,
    report: Report = log.info,
    kokoro: Kokoro | None = None,
    listener: WhisperModel | None = None,
    unseen: str = UNSEEN_SENTENCE,
) -> dict[str, Any]:
    """Train a style encoder; returns the report that is also written to ``out/report.json``.

    Args:
        config: settings of the run.
        report: takes lines for the user.
        kokoro: the synthesizer, which is moved to the device of the settings; made if omitted.
        listener: the Whisper of the settings, on their device; made if omitted.
        unseen: sentence by which the weights are measured; no text of the training has it.

    Raises:
        UserError: a setting that cannot work, a missing file or model, an earlier run that is in the way, or several
            processes.
    """
    began = time.monotonic()
    only_one("the batches of an epoch are of unequal size")
    check(config)
    sentences = read_sentences(config.text_file)
    recipe = StyleRecipe(config, sentences, report, began, kokoro, listener, unseen)
    path = config.models / CHECKPOINT
    loop = LoopConfig(config.epochs * recipe.steps, path, recipe.settings, every=recipe.steps)
    run(recipe, loop, report, partial(SpeechBoard, config.out / "tensorboard"))
    return json.loads((config.out / "report.json").read_text(encoding="utf-8"))


class StyleRecipe(Recipe):
    """The encoder, what Kokoro spoke for it, and styles that go without audio.

    Everything is spoken and analysed when it is made; nothing of this is done again when a run is resumed.

    It is made of the arguments of ``train``, the sentences of the text, and the time when the run began.
    """

    def __init__(
        self,
        config: TrainConfig,
        sentences: list[str],
        report: Report,
        began: float,
        kokoro: Kokoro | None = None,
        listener: WhisperModel | None = None,
        unseen: str = UNSEEN_SENTENCE,
    ) -> None:
        self.config, self.report, self.began = config, report, began
        self.device = find_device(config.device)
        self.steps = math.ceil(len(sentences) / config.batch_size)
        report(
            f"{len(sentences)} sentences in {len(config.voices)} voices, {config.epochs} epochs of {self.steps} steps,"
            f" {config.batch_size} crops of {config.crop_seconds:g} s in a step, on {self.device}"
        )
        self.kokoro = (kokoro or Kokoro()).to(self.device)
        listener = listener or WhisperModel(config.whisper, self.device)
        speaker = ReferenceSpeaker(self.kokoro, listener, config.out / "cache", config.crops, config.crop_seconds)
        self.speech: ReferenceSpeech = speak_all(speaker, sentences, config, unseen)
        self.segments = self.speech.segments
        self.reference = join([segment.audio for segment in self.segments])
        audio.write(config.out / "multispeech.wav", self.reference)
        write_json(config.out / "multispeech.json", segment_list(self.speech))
        features = self._read_corpus(listener)

        torch.manual_seed(config.seed)
        self.encoder = StyleEncoder(listener.width)
        stock = [style_of(pack) for voice, pack in stock_voices().items() if voice not in config.held_out]
        self.encoder.calibrate(features, torch.stack(stock))
        self.encoder.to(self.device).metadata = {"whisper": config.whisper}
        self.optimizer = torch.optim.AdamW(self.encoder.parameters(), config.lr, weight_decay=config.weight_decay)
        self.stft = MultiResolutionSTFTLoss().to(self.device)
        self.style_loss = StyleSimilarityLoss(config.cosine_weight, config.mse_weight)
        self.schedule = schedule(config.epochs * self.steps)
        self.settings = identity(config, sentences, None if self.corpus is None else self.corpus[1])
        self.best, self.start, self.epoch, self.steps_here = math.inf, dict[str, float](), 0, 0

    def _read_corpus(self, listener: WhisperModel) -> Tensor:
        """Read styles that go without audio: a corpus to learn from, and what chooses the best weights. Returns all
        mean features ``[N, width]`` that are learned from."""
        self.corpus, features = None, pool(self.segments)
        listed = self.speech.listed
        self.unseen, self.unseen_styles = pool(listed), torch.stack([segment.style for segment in listed])
        if self.config.corpus:
            means, styles = corpus_vectors(self.config.corpus, listener)
            kept = torch.arange(len(styles)) % KEPT_BACK == 0
            self.corpus = means[~kept].to(self.device), styles[~kept].to(self.device)
            features = torch.cat([features, means[~kept].flatten(0, 1)])
            self.unseen = torch.cat([self.unseen, means[kept, 0]])
            self.unseen_styles = torch.cat([self.unseen_styles, styles[kept]])
        return features

    def begin(self) -> str:
        """Measure the average voice, which the encoder begins with."""
        self.start = measure(self.kokoro, self.stft, self.style_loss, self.encoder, self.segments)
        return f"before: stft {self.start['stft']:.3f}, style {self.start['style']:.3f}"

    def step(self, step: int) -> dict[str, float]:
        """Learn from styles alone, of which thousands cost less than a second of audio, then from a batch of segments
        and what they sound like."""
        config, place = self.config, step % self.steps
        began = time.monotonic()
        if place == 0:
            self.rng = np.random.default_rng([config.seed, step // self.steps + 1])
            self.chunks = np.array_split(self.rng.permutation(len(self.segments)), self.steps)
        rate = config.lr * self.schedule(step)
        set_rates(self.optimizer, rate)
        for _ in range(config.corpus_steps if self.corpus else 0):
            update(self.encoder, self.optimizer, [self._corpus_loss()])

        batch = [self.segments[k] for k in self.chunks[place]]
        crops = [int(self.rng.integers(len(segment.crop_starts))) for segment in batch]
        style = predict(self.encoder, batch)
        rendered, gradient = render_gradient(self.kokoro, self.stft, batch, style.detach(), crops, config)
        similar = self.style_loss(style, torch.stack([segment.style for segment in batch]).to(self.device))
        on_styles = similar.total + self._corpus_loss() if self.corpus else similar.total
        update(self.encoder, self.optimizer, [on_styles, style], [None, gradient])

        self.steps_here += 1
        if self.steps_here == 2:  # the first step is slower than the others
            self._announce(time.monotonic() - began, step)
        return rendered | similar.figures() | {"learning_rate": rate}

    def _corpus_loss(self) -> Tensor:
        assert self.corpus is not None
        features, styles = self.corpus
        size = self.config.corpus_batch
        rows = torch.from_numpy(self.rng.integers(len(styles), size=size)).to(self.device)
        clean_or_not = torch.from_numpy(self.rng.integers(2, size=size)).to(self.device)
        return self.style_loss(self.encoder(features[rows, clean_or_not, None]), styles[rows]).total

    def _announce(self, pace: float, step: int) -> None:
        """Say how long the rest will take, by the seconds that a step took."""
        config, epoch = self.config, step // self.steps + 1
        decoding = pace / (config.batch_size * config.crop_seconds * STEP_COST)
        written = 1 + sum(epoch <= chosen <= config.epochs for chosen in config.audio_epochs)
        left = config.epochs * self.steps - step - 1
        minutes = (pace * left + decoding * written * len(self.reference) / audio.SAMPLE_RATE) / 60
        line = f"{pace:.1f} s a step: about {minutes:.0f} minutes to go, audio and measurement included"
        above_bars(self.report, line)

    def evaluate(self, step: int, board: Board | None) -> str:
        """Keep the weights that are best on speech which was not learned from; write audio after chosen epochs."""
        self.epoch = step // self.steps
        with torch.no_grad():
            unseen = self.style_loss(self.encoder(self.unseen[:, None].to(self.device)).cpu(), self.unseen_styles)
        if board:
            board.scalars("unseen", unseen.figures(), step)
        if unseen.total.item() < self.best:
            self.best = unseen.total.item()
            self.encoder.save(self.config.models / BEST, {"epoch": str(self.epoch)})
        if self.epoch in self.config.audio_epochs:
            self._write_audio(f"epoch_{self.epoch}", self.encoder, step, board)
        return f"epoch {self.epoch}: style loss {unseen.total:.3f}, cosine {1 - unseen.cosine:.3f} on unseen speech"

    def _write_audio(self, name: str, encoder: StyleEncoder, step: int, board: Board | None) -> None:
        wave = write_audio(self.config.out, name, self.kokoro, encoder, self.segments, self.reference)
        if isinstance(board, SpeechBoard):
            board.sounds(wave, self.segments[0].audio, step)

    def state(self) -> dict[str, Any]:
        """Weights, optimizer, and figures of the best weights and of the beginning."""
        figures = {"epoch": self.epoch, "best": self.best, "start": self.start}
        return figures | {"encoder": self.encoder.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over an earlier state."""
        self.encoder.load_state_dict(state["encoder"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.best, self.start = state["epoch"], state["best"], state["start"]

    def finish(self, step: int, board: Board | None) -> Path:
        """The best weights speak, and are measured."""
        config, speech = self.config, self.speech
        path = config.models / BEST
        encoder = StyleEncoder.load(path).to(self.device)
        self._write_audio("final", encoder, config.epochs * self.steps + 1, board)
        report = {
            "best_epoch": int(encoder.metadata["epoch"]),
            "start": self.start,
            "end": measure(self.kokoro, self.stft, self.style_loss, encoder, self.segments),
            "similarity": {
                "training segments": similarity(encoder, self.segments, speech.voices),
                "unseen sentence, voices of the list": similarity(encoder, speech.listed, config.voices),
                "unseen sentence, other voices": similarity(encoder, speech.others, speech.other_voices),
            },
            "settings": self.settings | {"epochs": str(config.epochs)},
            "minutes": round((time.monotonic() - self.began) / 60, 2),
        }
        write_json(config.out / "report.json", report)
        self.report(tables(report))
        self.report(f"weights: {path}; sound and report: {config.out}; {report['minutes']:.1f} min")
        return path


def pool(segments: list[ReferenceSegment]) -> Tensor:
    """Mean features ``[N, width]`` of segments."""
    return torch.stack([segment.features.mean(0) for segment in segments])


def update(
    encoder: StyleEncoder,
    optimizer: torch.optim.Optimizer,
    outputs: list[Tensor],
    gradients: list[Tensor | None] | None = None,
) -> None:
    """One step down the sum of scalars, or of tensors whose gradients are known already."""
    optimizer.zero_grad()
    torch.autograd.backward(outputs, gradients)
    torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
    optimizer.step()


def schedule(steps: int) -> WarmCosine:
    """The learning rate over so many steps; the first step of the cosine is the last of the warm-up."""
    warmup = max(1, round(WARMUP * steps))
    return WarmCosine(steps, warmup, LAST_RATE, begins=warmup - 1, ends=steps - 1)


def predict(encoder: StyleEncoder, segments: list[ReferenceSegment]) -> Tensor:
    """Styles ``[B, 256]`` of segments of different lengths."""
    device = encoder.style_mean.device
    features = pad_sequence([segment.features for segment in segments], batch_first=True).to(device)
    lengths = torch.tensor([len(segment.features) for segment in segments], device=device)
    return encoder(features, length_mask(lengths, features.shape[1]))


def render_gradient(
    kokoro: Kokoro,
    stft: MultiResolutionSTFTLoss,
    segments: list[ReferenceSegment],
    style: Tensor,
    crops: list[int],
    config: TrainConfig,
) -> tuple[dict[str, float], Tensor]:
    """Figures of the rendered batch, and the gradient ``[B, 256]`` of its weighted loss with respect to the styles.

    On a CPU the segments go through the decoder one by one: together they would take the same time and a multiple of
    the memory (0.6 GB for a second of audio).
    """
    style = style.requires_grad_()
    size = 1 if style.device.type == "cpu" else len(segments)
    sums: dict[str, float] = {}
    for k in range(0, len(segments), size):
        part = render_loss(kokoro, stft, segments[k : k + size], style[k : k + size], crops[k : k + size])
        share = len(segments[k : k + size]) / len(segments)
        loss = config.stft_weight * part.stft + config.prosody_weight * part.prosody
        (share * loss).backward()
        for name, value in part.figures().items():
            sums[name] = sums.get(name, 0.0) + share * value
    assert style.grad is not None
    return sums, style.grad


@torch.no_grad()
def measure(
    kokoro: Kokoro,
    stft: MultiResolutionSTFTLoss,
    style_loss: StyleSimilarityLoss,
    encoder: StyleEncoder,
    segments: list[ReferenceSegment],
) -> dict[str, float]:
    """Losses over all segments, the first crop of each, as training computes them."""
    styles = predict(encoder, segments)
    parts: list[RenderLoss] = [
        render_loss(kokoro, stft, [segment], styles[k : k + 1], [0])
        for k, segment in enumerate(step_bar(segments, "measuring", unit="segment", leave=False))
    ]
    figures = [part.figures() for part in parts]
    similar = style_loss(styles, torch.stack([segment.style for segment in segments]).to(styles.device))
    means = {name: sum(f[name] for f in figures) / len(figures) for name in figures[0]}
    return means | similar.figures()


@torch.no_grad()
def write_audio(
    out: Path, name: str, kokoro: Kokoro, encoder: StyleEncoder, segments: list[ReferenceSegment], reference: np.ndarray
) -> Tensor:
    """Write all segments in predicted styles, and the reference beside them; returns the first one's ``[T]``."""
    styles = predict(encoder, segments)
    pairs = zip(segments, styles, strict=True)
    bar = step_bar(pairs, f"{name} audio", len(segments), unit="segment", leave=False)
    waves = [resynthesize(kokoro, segment, style) for segment, style in bar]
    audio.write(out / f"{name}_all_segments_predicted.wav", join(waves))
    audio.write(out / f"{name}_all_segments_reference.wav", reference)
    return waves[0]
