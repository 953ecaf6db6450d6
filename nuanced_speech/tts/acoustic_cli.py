"""``nuanced-speech tts train`` and ``tts infer``."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    data: Annotated[Path, typer.Option(help="Folder of .npz files that 'tts features' or 'tts dummy' wrote.")],
    model: Annotated[str, typer.Option(help="etts, or tacotron2.")] = "etts",
    out: Annotated[
        Path | None, typer.Option(help="Where checkpoint, weights and TensorBoard go; models/tts-MODEL by default.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Of the optimiser; the learning rate falls over them.")] = 4000,
    epochs: Annotated[int | None, typer.Option(help="Instead of --steps.")] = None,
    batch_size: Annotated[int, typer.Option(help="Utterances in a step.")] = 8,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="The same seed trains the same weights.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
    precision: Annotated[
        str, typer.Option(help="auto (float16 on CUDA, else float32), float32, float16 or bfloat16.")
    ] = "auto",
    patience: Annotated[int, typer.Option(help="Evaluations without a better one before it stops.")] = 20,
    minutes: Annotated[float | None, typer.Option(help="Stop after so long, with a checkpoint to resume from.")] = None,
    evaluate: Annotated[int | None, typer.Option(help="Steps between evaluations; an epoch by default.")] = None,
    guided_attention: Annotated[
        bool, typer.Option("--guided-attention", help="tacotron2: want the attention near the diagonal.")
    ] = False,
    reduction: Annotated[int, typer.Option(help="tacotron2: frames a step; 2 or 3 align sooner.")] = 1,
    one_voice: Annotated[
        bool, typer.Option("--one-voice", help="tacotron2: no speaker embedding, as published.")
    ] = False,
    vocoder: Annotated[str, typer.Option(help="Of what TensorBoard plays.")] = "griffin-lim",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in --out.")] = False,
) -> None:
    """Train a model from phonemes and a speaker to mel spectrograms.

    Examples:

      nuanced-speech tts dummy data/dummy && nuanced-speech tts train --data data/dummy --steps 200

      nuanced-speech tts train --model tacotron2 --data data/ljspeech --guided-attention --batch-size 32

      tensorboard --logdir models
    """
    from nuanced_speech.errors import UserError
    from nuanced_speech.tts.acoustic.train import TrainConfig
    from nuanced_speech.tts.acoustic.train import train as run

    settings: dict[str, object] = {}
    if guided_attention:
        settings["guided_attention"] = 1.0
    if reduction != 1:
        settings["reduction"] = reduction
    if one_voice:
        settings["speaker"] = False
    if settings and model != "tacotron2":
        raise UserError("--guided-attention, --reduction and --one-voice are for --model tacotron2")
    if not 1 <= reduction <= 10:
        raise UserError(f"--reduction is {reduction}: give a whole number from 1 to 10")
    out = out or Path("models") / f"tts-{model}"
    run(
        TrainConfig(
            model, data, out, settings, steps, epochs, batch_size, lr, seed, device, patience, minutes, precision,
            evaluate, vocoder, resume,
        )
    )  # fmt: skip
