"""Train a codec language model on an LJSpeech-style data set.

Read top to bottom: codes are computed once and kept; each clip is learned with a prompt, a stretch of another clip of
its speaker, or without one; AdamW with warm-up and half a cosine. A run can be interrupted and started again.
"""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from nuanced_speech import audio
from nuanced_speech.core import precision
from nuanced_speech.core.errors import UserError
from nuanced_speech.train import checkpoint
from nuanced_speech.train.schedule import warm_cosine
from nuanced_speech.tts.codec import interface
from nuanced_speech.tts.codec.interface import AudioCodec
from nuanced_speech.tts.codec_lm.data import CodedClip, load
from nuanced_speech.tts.codec_lm.model import CodecLM, LMConfig, Utterance
from nuanced_speech.tts.codec_lm.text import TextTable

CHECKPOINT, RESULT, CURVE = "checkpoint.pt", "codec_lm.safetensors", "loss.png"
LOG_EVERY = 10


@dataclass(frozen=True)
class LMTrainConfig:
    """How to train.

    Attributes:
        data: folder of ``wavs/ID.wav`` and ``metadata.csv``.
        out: where codes, checkpoint, TensorBoard, weights and the curve go.
        codec: as ``interface.load`` takes it.
        codebooks: its first so many.
        width, layers, heads, dropout: of the model.
        prompt_seconds: longest prompt.
        prompted: share of the clips that are learned with a prompt.
        spelled: share of the text's tokens that are spelled by bytes.
        max_seconds: longer clips are left out.
    """

    data: Path
    out: Path
    codec: str = interface.SHIPPED
    codebooks: int = 4
    width: int = 256
    layers: int = 4
    heads: int = 4
    dropout: float = 0.1
    steps: int = 1500
    batch_size: int = 8
    lr: float = 1e-3
    prompt_seconds: float = 2.0
    prompted: float = 0.5
    spelled: float = 0.1
    max_seconds: float = 15.0
    seed: int = 0
    checkpoint_every: int = 100
    precision: str = "auto"
    device: str = "cpu"


def train(config: LMTrainConfig) -> Path:
    """Train, going on from ``out``'s checkpoint if there is one; returns the path of the weights.

    Raises:
        UserError: a data set or a codec that cannot be used, or a checkpoint that was made with other settings.
    """
    try:
        config.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{config.out}: cannot make this folder ({error.strerror})") from error
    codec = interface.load(config.codec)
    if not 1 <= config.codebooks <= codec.codebooks:
        raise UserError(f"the codec {config.codec} has {codec.codebooks} codebooks: give 1 to {codec.codebooks}")
    if config.width % (2 * config.heads):
        raise UserError(
            f"a width of {config.width} cannot be shared by {config.heads} heads: give a multiple of twice it"
        )
    rate = codec.sample_rate / codec.hop_length
    found = load(config.data, codec, config.codebooks, config.out)
    clips = [clip for clip in found if clip.codes.shape[1] <= config.max_seconds * rate]
    if not clips:
        raise UserError(f"{config.data}: every clip is longer than {config.max_seconds:g} s; cut them: tts prepare")

    speakers: dict[str, list[CodedClip]] = {}
    for clip in clips:
        speakers.setdefault(clip.speaker, []).append(clip)

    torch.manual_seed(config.seed)
    table = TextTable.of(clip.text for clip in clips)
    shape = LMConfig(
        len(table), config.codebooks, codec.entries, config.width, config.layers, config.heads, config.dropout,
        config.codec, interface.fingerprint(codec),
    )  # fmt: skip
    model = CodecLM(shape, table).to(config.device)
    optimizer = torch.optim.AdamW(model.parameters(), config.lr, (0.9, 0.98), weight_decay=0.01)
    first, losses = 0, []
    dtype = precision.choose(config.precision, config.device)
    precisions = checkpoint.precisions_with({}, 0, dtype)
    path, settings = config.out / CHECKPOINT, _settings(config, clips)
    if path.is_file():
        state = checkpoint.load(path)
        checkpoint.check_same(path, state["settings"], settings)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first, losses = state["step"], state["losses"]
        precisions = checkpoint.precisions_with(state, first, dtype)
    hours = sum(clip.codes.shape[1] for clip in clips) / rate / 3600
    size = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    left_out = f", {len(found) - len(clips)} too long" if len(found) > len(clips) else ""
    print(f"{len(clips)} clips, {hours:.2f} h{left_out}; {size:.1f} M parameters; steps {first} to {config.steps}")

    board = SummaryWriter(str(config.out / "tensorboard"), purge_step=first)
    bar = tqdm(range(first, config.steps), "training", initial=first, total=config.steps, mininterval=5)
    for step in bar:
        # everything random depends on the step alone, so that a resumed run ends where an uninterrupted one does
        rng = np.random.default_rng([config.seed, step])
        torch.manual_seed(int(rng.integers(1 << 31)))
        chosen = rng.choice(len(clips), min(config.batch_size, len(clips)), replace=False)
        batch = [_utterance(clips[k], speakers[clips[k].speaker], table, rate, config, rng) for k in chosen]
        for group in optimizer.param_groups:
            group["lr"] = config.lr * _schedule(step, config.steps)
        model.train()
        with precision.autocast(config.device, dtype):
            each = model.losses(batch)
        optimizer.zero_grad()
        each.mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append([value.item() for value in each])
        if not math.isfinite(sum(losses[-1])):
            raise UserError(f"the loss is not a number any more at step {step}: train with a smaller --lr")
        if (step + 1) % LOG_EVERY == 0:
            board.add_scalar("train/loss", each.mean().item(), step + 1)
            board.add_scalars("train/codebooks", {f"{k + 1}": x.item() for k, x in enumerate(each)}, step + 1)
            bar.set_postfix(loss=f"{each.mean().item():.3f}", refresh=False)
        if (step + 1) % config.checkpoint_every == 0 or step + 1 == config.steps:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "settings": settings}
            checkpoint.save(path, state | {"step": step + 1, "losses": losses, "precisions": precisions})
            tqdm.write(f"step {step + 1}: loss {np.mean(losses[-LOG_EVERY:]):.3f}")
            _speak_one(model, codec, clips[0], board, step + 1)
    board.close()
    result = config.out / RESULT
    model.save(result, steps=str(config.steps), hours=f"{hours:.2f}")
    draw_curve(config.out / CURVE, losses)
    return result


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


def _schedule(step: int, steps: int) -> float:
    """Linear warm-up over a twentieth of the steps, then half a cosine down to a hundredth."""
    return warm_cosine(step, steps, max(1, steps // 20))


def _settings(config: LMTrainConfig, clips: list[CodedClip]) -> dict[str, str]:
    ignored = {"data", "out", "checkpoint_every", "device", "precision"}
    settings = {name: str(value) for name, value in vars(config).items() if name not in ignored}
    texts = "\n".join(f"{clip.name} {clip.text}" for clip in clips)
    return settings | {"texts": hashlib.sha256(texts.encode()).hexdigest()[:16]}


def _speak_one(model: CodecLM, codec: AudioCodec, clip: CodedClip, board: SummaryWriter, step: int) -> None:
    """The first clip's text as the model says it now, beside the clip."""
    model.eval()
    text = torch.tensor(model.table.encode(clip.text), device=next(model.parameters()).device)
    codes = model.generate(text, temperature=0.0, max_frames=clip.codes.shape[1] * 3 // 2)
    if codes.shape[1]:
        board.add_audio("sample/model", codec.decode(codes[None]), step, codec.sample_rate)
    board.add_audio("sample/codec", codec.decode(clip.codes[None]), step, codec.sample_rate)


def draw_curve(path: Path, losses: list[list[float]]) -> None:
    """The loss of each codebook over the steps ``[steps][K]``, smoothed a little.

    Raises:
        UserError: the path cannot be written.
    """
    figure = Figure(figsize=(8, 4.5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
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
