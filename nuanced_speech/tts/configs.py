"""Configs of the trainers of synthesis systems. On the command line each field is an option, with its line as help.

This module imports nothing heavy, so that ``--help`` is quick.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nuanced_speech.train.configs import at_least


@dataclass(frozen=True)
class AcousticTrainConfig:
    """What an acoustic model is trained on, how long, and where the result goes.

    Attributes:
        data: Folder of .npz files that 'tts features' or 'tts dummy' wrote.
        model: Model: etts or tacotron2.
        out: Folder of checkpoint, best weights and TensorBoard.
        settings: Settings of the model's configuration, where they differ from its defaults.
        steps: Number of steps; the learning rate falls over them.
        epochs: Number of epochs, in place of steps.
        batch_size: Number of utterances in a step.
        lr: Highest learning rate.
        seed: Random seed; the same seed trains the same weights.
        device: Device to train on (auto, cpu, cuda, cuda:1, …).
        patience: Number of evaluations without a better one after which the training stops.
        minutes: Minutes after which the training stops, with a checkpoint and its last weights.
        precision: Number format: auto (float16 on CUDA, else float32), float32, float16 or bfloat16.
        evaluate: Number of steps between evaluations; an epoch by default.
        trim: Leave out the silence at both ends of utterances.
        vocoder: Vocoder of the sound in TensorBoard.
        resume: Go on from the checkpoint in the out folder.
        start_from: Weights to fine-tune instead of random ones.
    """

    data: Path
    model: str = "etts"
    out: Path = Path("models/tts-etts")
    settings: dict[str, Any] = field(default_factory=dict)
    steps: int = 4000
    epochs: int | None = None
    batch_size: int = 8
    lr: float = 1e-3
    seed: int = 0
    device: str = "auto"
    patience: int = 20
    minutes: float | None = None
    precision: str = "auto"
    evaluate: int | None = None
    trim: bool = False
    vocoder: str = "griffin-lim"
    resume: bool = False
    start_from: Path | None = None


@dataclass(frozen=True)
class CodecTrainConfig:
    """How to train the speech codec.

    Attributes:
        sources: Folders of recordings, or folders that 'train corpus' made.
        out: Folder of cached waveforms, checkpoint, TensorBoard and weights.
        steps: Number of steps.
        batch_size: Number of crops in a step.
        lr: Highest learning rate; the discriminators' is half of it.
        adversarial_from: Share of the steps before discriminators join; 1 for none.
        crop_frames: Length of a crop in frames of codes.
        spectral_weight: Weight of the spectral loss; the adversarial one's is 1.
        commitment_weight: Weight of the quantiser's commitment.
        matching_weight: Weight of the discriminators' feature matching.
        dropout: Share of crops that use only the first few codebooks (Zeghidour et al. 2021).
        average: Momentum of the average of the weights.
        seed: Random seed.
        checkpoint_every: Number of steps between checkpoints.
        precision: Number format of the networks: auto, float32 or bfloat16.
        device: Device to train on (cpu, cuda, cuda:1, …).
    """

    sources: tuple[Path, ...]
    out: Path = Path("models/codec")
    steps: int = at_least(1, 5000)
    batch_size: int = at_least(1, 12)
    lr: float = 1e-3
    adversarial_from: float = at_least(0, 0.4, 1)
    crop_frames: int = at_least(1, 64)
    spectral_weight: float = 10.0
    commitment_weight: float = 2.5
    matching_weight: float = 2.0
    dropout: float = at_least(0, 0.5, 1)
    average: float = 0.998
    seed: int = 0
    checkpoint_every: int = at_least(1, 250)
    precision: str = "auto"
    device: str = "cpu"


@dataclass(frozen=True)
class LMTrainConfig:
    """How to train the codec language model.

    Attributes:
        data: Folder of wavs/ID.wav and metadata.csv, as 'tts prepare' makes it.
        out: Folder of codes, checkpoint, TensorBoard, weights and loss.png.
        codec: Codec: speech (the shipped one), a .safetensors file, or facebook/encodec_24khz.
        codebooks: Number of the codec's codebooks that are modelled.
        width: Width of the model.
        layers: Number of layers.
        heads: Number of attention heads.
        dropout: Dropout of the model.
        steps: Number of steps.
        batch_size: Number of clips in a step.
        lr: Highest learning rate.
        prompt_seconds: Longest prompt in seconds.
        prompted: Share of clips that are learned with a prompt.
        spelled: Share of the text's tokens that are spelled by bytes.
        max_seconds: Longest clip in seconds; longer ones are left out.
        seed: Random seed.
        checkpoint_every: Number of steps between checkpoints.
        precision: Number format of the model: auto, float32 or bfloat16.
        device: Device to train on (cpu, cuda, cuda:1, …).
    """

    data: Path
    out: Path = Path("models/codec-lm")
    codec: str = "speech"
    codebooks: int = at_least(1, 4)
    width: int = at_least(8, 256)
    layers: int = at_least(1, 4)
    heads: int = at_least(1, 4)
    dropout: float = at_least(0, 0.1, 0.9)
    steps: int = at_least(1, 1500)
    batch_size: int = at_least(1, 8)
    lr: float = 1e-3
    prompt_seconds: float = 2.0
    prompted: float = at_least(0, 0.5, 1)
    spelled: float = at_least(0, 0.1, 1)
    max_seconds: float = 15.0
    seed: int = 0
    checkpoint_every: int = at_least(1, 100)
    precision: str = "auto"
    device: str = "cpu"


@dataclass(frozen=True)
class VocoderTrainConfig:
    """What a vocoder is trained on, and how.

    Attributes:
        folders: Folders of recordings, or folders that 'train corpus' made; an hour or more.
        out: Folder of checkpoint, weights and TensorBoard.
        model: Model: source-filter, hifigan or waveglow.
        size: Size: small, for a processor, or paper: HiFi-GAN V1 and WaveGlow as published, for a GPU.
        steps: Number of steps; about one a second on a core for source-filter.
        minutes: Minutes after which the training stops, with a checkpoint; 0 for no limit.
        batch_size: Number of pieces in a step.
        frames: Length of a piece in mel frames of 11.6 ms.
        lr: Highest learning rate; it falls to nothing over the steps.
        every: Number of steps between validations, each with a checkpoint.
        seed: Random seed.
        device: Device to train on (auto, cpu, cuda, cuda:1, …).
        shown_seconds: Length of the passage in TensorBoard.
    """

    folders: tuple[Path, ...]
    out: Path = Path("models/vocoder")
    model: str = "source-filter"
    size: str = "small"
    steps: int = at_least(1, 6000)
    minutes: float = at_least(0, 0.0)
    batch_size: int = at_least(1, 16)
    frames: int = at_least(8, 64)
    lr: float = at_least(0, 1e-3)
    every: int = at_least(1, 250)
    seed: int = at_least(0, 0)
    device: str = "auto"
    shown_seconds: int = at_least(1, 4)
