"""``nuanced-speech tts codec-lm``: train a language model over codec tokens, and speak with it."""

from pathlib import Path
from typing import Annotated

import typer

from nuanced_speech.cli.config_options import options_of
from nuanced_speech.cli.launched import print_once
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import check_apart
from nuanced_speech.tts.configs import LMTrainConfig

app = typer.Typer(help="Text to codec tokens by a language model: train, infer.", no_args_is_help=True)


def train_with(config: LMTrainConfig) -> None:
    """Train, and print the path of the weights."""
    from nuanced_speech.core.device import check_device

    check_device(config.device)
    from nuanced_speech.tts.codec_lm.train import train as run

    print_once(run(config, report=print))


@app.command()
@options_of(LMTrainConfig, arguments=("data",))
def train(config: LMTrainConfig) -> None:
    """Train on a data set of recordings and their texts; run again to go on from the checkpoint.

    Example: nuanced-speech tts codec-lm train data/ --out models/codec-lm --steps 1500
    """
    train_with(config)


@app.command()
def infer(
    text: Annotated[str, typer.Argument(help="Text to say.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="WAV, FLAC, OGG, Opus, MP3 or M4A, by its name.")],
    model: Annotated[Path, typer.Option(help="Folder that 'codec-lm train' wrote, or its file of weights.")] = Path(
        "models/codec-lm"
    ),
    speaker: Annotated[Path | None, typer.Option(help="Recording whose beginning is the prompt.")] = None,
    prompt_seconds: Annotated[float, typer.Option(min=0.1, help="Length of the prompt.")] = 2.0,
    temperature: Annotated[
        float, typer.Option(min=0, help="Temperature of sampling; 0 takes the likeliest code.")
    ] = 0.7,
    top_k: Annotated[int, typer.Option(min=1, help="Draw from so many of the likeliest codes.")] = 50,
    max_seconds: Annotated[float, typer.Option(min=0.1, help="Longest sentence.")] = 15.0,
    codec: Annotated[str | None, typer.Option(help="Codec, if it is not where it was.")] = None,
    device: Annotated[str, typer.Option(help="Device (cpu, cuda, cuda:1, …).")] = "cpu",
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same file.")] = 0,
) -> None:
    """Say a text.

    Example: nuanced-speech tts codec-lm infer "Sharks shed teeth." out.wav --model models/codec-lm --temperature 0.5
    """
    from nuanced_speech import audio

    audio.check_writable(out)
    check_apart(out, speaker)
    if not text.strip():
        raise UserError("there is nothing to say in the text: give some words")
    from nuanced_speech.core.device import check_device

    check_device(device)
    from nuanced_speech.tts.codec_lm.infer import InferConfig
    from nuanced_speech.tts.codec_lm.infer import infer as run

    config = InferConfig(
        model, speaker, prompt_seconds, temperature, top_k, max_seconds, codec, seed=seed, device=device
    )
    wave, rate = run(text, config)
    audio.write(out, wave, rate)
