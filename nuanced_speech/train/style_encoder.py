"""The training recipe of the style encoder; ``train`` reads from top to bottom.

Each sentence of a text is spoken once by Kokoro in a random voice of a list and heard once by Whisper. Segments are
the sentences, whose bounds are known exactly; those that Whisper would find may run over a change of voice. The encoder
predicts each segment's style, Kokoro renders it with the reference's durations, and the loss is the distance of the two
renderings (STFT), of the styles (cosine and MSE), and of the predicted prosody.

Everything random depends on the seed and the epoch alone, so a checkpoint needs no generator's state, and a run that
was killed ends with the same weights, bit for bit, as one that was not.
"""

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from nuanced_speech import audio
from nuanced_speech.core.device import find_device
from nuanced_speech.dsp.stft_loss import MultiResolutionSTFTLoss
from nuanced_speech.models.kokoro import Kokoro, length_mask
from nuanced_speech.models.style_encoder import StyleEncoder
from nuanced_speech.models.whisper import Listener
from nuanced_speech.train import checkpoint
from nuanced_speech.train.corpus import read_sentences
from nuanced_speech.train.losses import StyleLoss, StyleSimilarityLoss
from nuanced_speech.train.objective import RenderLoss, render_loss, resynthesize
from nuanced_speech.train.references import Segment, Speaker, corpus_vectors, join, segment_list, speak_all
from nuanced_speech.train.report import SpeechBoard, print_table, similarity, write_json
from nuanced_speech.train.settings import BEST, CHECKPOINT, TrainConfig, check, identity
from nuanced_speech.voice.stock import stock_voices, style_of

# One utterance in ten of a corpus is kept back to choose the best weights.
KEPT_BACK = 10
WARMUP = 0.05
# A step costs about this many times the decoding that is in it.
STEP_COST = 2.7


def train(config: TrainConfig) -> dict[str, Any]:
    """Train a style encoder; returns the report that is also printed and written to ``out/report.json``.

    Raises:
        UserError: a setting that cannot work, a missing file or model, or an earlier run that is in the way.
    """
    began = time.monotonic()
    check(config)
    sentences = read_sentences(config.text_file)
    device = find_device(config.device)
    steps = math.ceil(len(sentences) / config.batch_size)
    print(
        f"{len(sentences)} sentences in {len(config.voices)} voices, {config.epochs} epochs of {steps} steps,"
        f" {config.batch_size} crops of {config.crop_seconds:g} s in a step, on {device}"
    )

    # Speak and hear every sentence once; nothing of this is done again when a run is resumed.
    kokoro, listener = Kokoro().to(device), Listener(config.whisper, device)
    width = listener.width
    speaker = Speaker(kokoro, listener, config.out / "cache", config.crops, config.crop_seconds)
    speech = speak_all(speaker, sentences, config)
    segments, reference = speech.segments, join([segment.audio for segment in speech.segments])
    audio.write(config.out / "multispeech.wav", reference)
    write_json(config.out / "multispeech.json", segment_list(speech))

    # Styles that go without audio: a corpus to learn from, and what chooses the best weights.
    corpus, heard = None, pool(segments)
    judged, judged_styles = pool(speech.listed), torch.stack([segment.style for segment in speech.listed])
    if config.corpus:
        features, styles = corpus_vectors(config.corpus, listener)
        kept = torch.arange(len(styles)) % KEPT_BACK == 0
        corpus = features[~kept].to(device), styles[~kept].to(device)
        heard = torch.cat([heard, features[~kept].flatten(0, 1)])
        judged, judged_styles = torch.cat([judged, features[kept, 0]]), torch.cat([judged_styles, styles[kept]])

    # The encoder starts at the average voice.
    torch.manual_seed(config.seed)
    encoder = StyleEncoder(width)
    stock = [style_of(pack) for voice, pack in stock_voices().items() if voice not in config.held_out]
    encoder.calibrate(heard, torch.stack(stock))
    encoder.to(device).metadata = {"whisper": config.whisper}
    optimizer = torch.optim.AdamW(encoder.parameters(), config.lr, weight_decay=config.weight_decay)
    stft = MultiResolutionSTFTLoss().to(device)
    style_loss = StyleSimilarityLoss(config.cosine_weight, config.mse_weight)

    state_path, best_path = config.models / CHECKPOINT, config.models / BEST
    settings = identity(config, sentences, None if corpus is None else corpus[1])
    if config.resume:
        state = checkpoint.load(state_path)
        checkpoint.check_same(state_path, state["settings"], settings)
        encoder.load_state_dict(state["encoder"])
        optimizer.load_state_dict(state["optimizer"])
        print(f"going on after epoch {state['epoch']} of {config.epochs}")
    else:
        start = measure(kokoro, stft, style_loss, encoder, segments)
        state = {"settings": settings, "epoch": 0, "best": math.inf, "start": start}
        save_state(state_path, state, encoder, optimizer)

    def corpus_loss(rng: np.random.Generator) -> Tensor:
        assert corpus is not None
        features, styles = corpus
        rows = torch.from_numpy(rng.integers(len(styles), size=config.corpus_batch)).to(device)
        clean_or_not = torch.from_numpy(rng.integers(2, size=config.corpus_batch)).to(device)
        return style_loss(encoder(features[rows, clean_or_not, None]), styles[rows]).total

    first, total = state["epoch"] * steps, config.epochs * steps
    board = SpeechBoard(config.out / "tensorboard", first)
    bar = tqdm(total=total, initial=first, desc="training", unit="step")
    for epoch in range(state["epoch"] + 1, config.epochs + 1):
        rng = np.random.default_rng([config.seed, epoch])
        for step, chunk in enumerate(np.array_split(rng.permutation(len(segments)), steps), (epoch - 1) * steps):
            tick = time.monotonic()
            rate = learning_rate(step, total, config.lr)
            for group in optimizer.param_groups:
                group["lr"] = rate

            # Styles alone: thousands of them cost less than a second of audio.
            for _ in range(config.corpus_steps if corpus else 0):
                update(encoder, optimizer, [corpus_loss(rng)])

            # Styles and what they sound like.
            batch = [segments[k] for k in chunk]
            crops = [int(rng.integers(len(segment.crop_starts))) for segment in batch]
            style = predict(encoder, batch)
            rendered, gradient = render_gradient(kokoro, stft, batch, style.detach(), crops, config)
            similar = style_loss(style, torch.stack([segment.style for segment in batch]).to(device))
            on_styles = similar.total + corpus_loss(rng) if corpus else similar.total
            update(encoder, optimizer, [on_styles, style], [None, gradient])

            board.scalars("train", rendered | style_figures(similar) | {"learning_rate": rate}, step + 1)
            bar.set_postfix(stft=f"{rendered['stft']:.2f}", style=f"{similar.total.item():.3f}", refresh=False)
            bar.update()
            if step == first + 1:  # the first step is slower than the others
                pace = time.monotonic() - tick
                announce(pace, total - step - 1, len(reference) / audio.SAMPLE_RATE, epoch, config)

        with torch.no_grad():
            unseen = style_loss(encoder(judged[:, None].to(device)).cpu(), judged_styles)
        board.scalars("unseen", style_figures(unseen), epoch * steps)
        tqdm.write(f"epoch {epoch}: style loss {unseen.total:.3f}, cosine {1 - unseen.cosine:.3f} on unseen speech")
        if unseen.total.item() < state["best"]:
            state["best"] = unseen.total.item()
            encoder.save(best_path, {"epoch": str(epoch)})
        if epoch in config.audio_epochs:
            wave = write_audio(config.out, f"epoch_{epoch}", kokoro, encoder, segments, reference)
            board.sounds(wave, segments[0].audio, epoch * steps)
        state["epoch"] = epoch
        save_state(state_path, state, encoder, optimizer)
    bar.close()

    # The best weights speak, and are measured.
    encoder = StyleEncoder.load(best_path).to(device)
    wave = write_audio(config.out, "final", kokoro, encoder, segments, reference)
    board.sounds(wave, segments[0].audio, total + 1)
    board.close()
    report = {
        "best_epoch": int(encoder.metadata["epoch"]),
        "start": state["start"],
        "end": measure(kokoro, stft, style_loss, encoder, segments),
        "similarity": {
            "training segments": similarity(encoder, segments, speech.voices),
            "unseen sentence, voices of the list": similarity(encoder, speech.listed, config.voices),
            "unseen sentence, other voices": similarity(encoder, speech.others, speech.other_voices),
        },
        "settings": settings | {"epochs": str(config.epochs)},
        "minutes": round((time.monotonic() - began) / 60, 2),
    }
    write_json(config.out / "report.json", report)
    print_table(report)
    print(f"weights: {best_path}; sound and report: {config.out}; {report['minutes']:.1f} min")
    return report


def pool(segments: list[Segment]) -> Tensor:
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


def save_state(path: Path, state: dict[str, Any], encoder: StyleEncoder, optimizer: torch.optim.Optimizer) -> None:
    """The state with the present weights, as a checkpoint."""
    checkpoint.save(path, state | {"encoder": encoder.state_dict(), "optimizer": optimizer.state_dict()})


def announce(pace: float, steps_left: int, reference_seconds: float, epoch: int, config: TrainConfig) -> None:
    """Say how long the rest will take, by the seconds that a step took."""
    decoding = pace / (config.batch_size * config.crop_seconds * STEP_COST)
    written = 1 + sum(epoch <= chosen <= config.epochs for chosen in config.audio_epochs)
    minutes = (pace * steps_left + decoding * written * reference_seconds) / 60
    tqdm.write(f"{pace:.1f} s a step: about {minutes:.0f} minutes to go, audio and measurement included")


def learning_rate(step: int, total: int, peak: float) -> float:
    """Linear warm-up over the first twentieth, then half a cosine down to a twentieth of ``peak``."""
    warmup = max(1, round(WARMUP * total))
    progress = max(step + 1 - warmup, 0) / max(total - warmup, 1)
    return peak * min((step + 1) / warmup, 1) * (0.05 + 0.95 * (1 + math.cos(math.pi * progress)) / 2)


def predict(encoder: StyleEncoder, segments: list[Segment]) -> Tensor:
    """Styles ``[B, 256]`` of segments of different lengths."""
    device = encoder.style_mean.device
    features = pad_sequence([segment.features for segment in segments], batch_first=True).to(device)
    lengths = torch.tensor([len(segment.features) for segment in segments], device=device)
    return encoder(features, length_mask(lengths, features.shape[1]))


def render_gradient(
    kokoro: Kokoro,
    stft: MultiResolutionSTFTLoss,
    segments: list[Segment],
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
    segments: list[Segment],
) -> dict[str, float]:
    """Losses over all segments, the first crop of each, as training computes them."""
    styles = predict(encoder, segments)
    parts: list[RenderLoss] = [
        render_loss(kokoro, stft, [segment], styles[k : k + 1], [0])
        for k, segment in enumerate(tqdm(segments, "measuring", unit="segment", leave=False))
    ]
    figures = [part.figures() for part in parts]
    similar = style_loss(styles, torch.stack([segment.style for segment in segments]).to(styles.device))
    means = {name: sum(f[name] for f in figures) / len(figures) for name in figures[0]}
    return means | style_figures(similar)


def style_figures(loss: StyleLoss) -> dict[str, float]:
    """A style loss and its parts for the log."""
    return {"style": loss.total.item(), "style_1_minus_cosine": loss.cosine.item(), "style_mse": loss.mse.item()}


@torch.no_grad()
def write_audio(
    out: Path, name: str, kokoro: Kokoro, encoder: StyleEncoder, segments: list[Segment], reference: np.ndarray
) -> Tensor:
    """Write all segments in predicted styles, and the reference beside them; returns the first one's ``[T]``."""
    styles = predict(encoder, segments)
    bar = tqdm(zip(segments, styles, strict=True), f"{name} audio", len(segments), unit="segment", leave=False)
    waves = [resynthesize(kokoro, segment, style) for segment, style in bar]
    audio.write(out / f"{name}_all_segments_predicted.wav", join(waves))
    audio.write(out / f"{name}_all_segments_reference.wav", reference)
    return waves[0]
