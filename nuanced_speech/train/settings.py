"""Settings of the training recipe, their presets, and what is refused before anything is loaded."""

import math
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch

from nuanced_speech.core.device import find_device
from nuanced_speech.core.errors import UserError
from nuanced_speech.train.checkpoint import fingerprint, make_folder
from nuanced_speech.train.configs import SENTENCES
from nuanced_speech.voice.stock import HELD_OUT, stock_voices, voice_pack

STORY = Path(__file__).parent / "texts" / "multispeech.txt"
CHECKPOINT, BEST = "checkpoint.pt", "style_encoder_best.safetensors"
# What may differ when a run is resumed: where things are, how far to go, what to write on the way.
_FREE = ("text_file", "corpus", "epochs", "device", "out", "models", "resume", "audio_epochs")


@dataclass(frozen=True)
class TrainConfig:
    """What the style encoder is trained on, how long, and where results go. The defaults take about ten minutes on two
    cores.

    Attributes:
        text_file: Text file of sentences, one a line.
        voices: Stock voices or voice pack files that speak them.
        held_out: Voices that are measured and never trained on.
        epochs: Number of times through all sentences.
        batch_size: Number of segments in a step.
        lr: Highest learning rate.
        whisper: Whisper size (base, tiny.en, small, …).
        device: Device to train on: auto, cpu or cuda.
        out: Folder of audio, report, TensorBoard log and cache.
        models: Folder of checkpoint and weights.
        seed: Random seed.
        resume: Go on from the checkpoint.
        corpus: Folder that 'train corpus' made, whose styles join the style loss.
        audio_epochs: Epochs after which all segments are written as audio; at the end they always are.
        crop_seconds: Length of the piece of a segment that is decoded in a step.
        crops: Number of such pieces of each segment to choose from.
        stft_weight: Weight of the spectral loss.
        cosine_weight: Weight of the cosine distance of styles.
        mse_weight: Weight of the squared error of styles.
        prosody_weight: Weight of the losses of durations, F0 and energy.
        weight_decay: Weight decay of AdamW.
        corpus_batch: Number of styles in a step on styles alone.
        corpus_steps: Number of such steps before each step with audio.
    """

    text_file: Path = STORY
    voices: tuple[str, ...] = (
        "af_heart", "af_bella", "af_nicole", "am_adam", "am_michael", "am_onyx",
        "bf_emma", "bf_isabella", "bm_fable", "bm_george", "ef_dora", "im_nicola",
    )  # fmt: skip
    held_out: tuple[str, ...] = HELD_OUT
    epochs: int = 10
    batch_size: int = 4
    lr: float = 1e-3
    whisper: str = "base"
    device: str = "auto"
    out: Path = Path("outputs")
    models: Path = Path("models")
    seed: int = 0
    resume: bool = False
    corpus: Path | None = None
    audio_epochs: tuple[int, ...] = (5,)
    crop_seconds: float = 1.0
    crops: int = 2
    stft_weight: float = 1.0
    cosine_weight: float = 0.2
    mse_weight: float = 10.0
    prosody_weight: float = 1.0
    weight_decay: float = 0.01
    corpus_batch: int = 128
    corpus_steps: int = 20


def preset(name: str) -> TrainConfig:
    """``small``, the default, or ``full``: 1000 sentences and all voices that are not held out, for a GPU.

    Raises:
        UserError: another name.
    """
    small = TrainConfig()
    if name == "small":
        return small
    if name != "full":
        raise UserError(f"unknown preset {name!r}: choose small or full")
    voices = tuple(voice for voice in stock_voices() if voice not in HELD_OUT)
    return replace(
        small, text_file=SENTENCES, voices=voices, epochs=50, batch_size=8, crop_seconds=3.0, audio_epochs=(10, 25)
    )


def parse_epochs(text: str) -> tuple[int, ...]:
    """Numbers of epochs separated by commas; nothing between them is no epoch.

    Raises:
        UserError: something that is not a whole number.
    """
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise UserError(f"audio_epochs is {text!r}: give whole numbers separated by commas, such as 5,10") from None


def check(config: TrainConfig) -> None:
    """Refuse what cannot work, and what would overwrite an earlier run.

    Raises:
        UserError: names the setting and what to give instead.
    """
    for name in ("epochs", "batch_size", "crops", "corpus_batch"):
        if getattr(config, name) < 1:
            raise UserError(f"{name} is {getattr(config, name)}: give a whole number from 1 up")
    for name in ("lr", "crop_seconds"):
        value = getattr(config, name)
        if not (math.isfinite(value) and value > 0):
            raise UserError(f"{name} is {value}: give a number above 0, such as {getattr(TrainConfig, name)}")
    if config.seed < 0:
        raise UserError(f"seed is {config.seed}: give a whole number from 0 up")
    if not config.voices:
        raise UserError("voices names no voice: give some, such as af_heart and bm_george")
    for voice in (*config.voices, *config.held_out):
        voice_pack(voice)
    if config.corpus and not config.corpus.is_dir():
        raise UserError(f"{config.corpus}: no such folder; make a corpus with: nuanced-speech train corpus DIR")
    find_device(config.device)
    for folder in (config.out, config.models):
        make_folder(folder)
    present = [name for name in (CHECKPOINT, BEST) if (config.models / name).exists()]
    if present and not config.resume:
        raise UserError(
            f"{config.models / present[0]} is there from an earlier run: go on with resume, or give another folder as"
            " models (and as out, to keep its sound)"
        )
    if config.resume and CHECKPOINT not in present:
        raise UserError(f"{config.models / CHECKPOINT}: no checkpoint to resume; start without resume")


def identity(config: TrainConfig, sentences: list[str], corpus_styles: torch.Tensor | None) -> dict[str, str]:
    """All that shapes the weights, as text: a checkpoint is only continued with the same."""
    settings = {f.name: str(getattr(config, f.name)) for f in fields(config) if f.name not in _FREE}
    settings["text"] = fingerprint("\n".join(sentences).encode())
    settings["corpus"] = "none"
    if corpus_styles is not None:
        settings["corpus"] = fingerprint(corpus_styles.cpu().numpy().tobytes())
    return settings
