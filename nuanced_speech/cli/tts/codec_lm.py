"""``nuanced-speech tts codec-lm``: train a language model over codec tokens, and speak with it."""

from pathlib import Path
from typing import Annotated

import typer

from nuanced_speech.core.errors import UserError

app = typer.Typer(help="Text to codec tokens by a language model: train, infer.", no_args_is_help=True)


@app.command()
def train(
    data: Annotated[Path, typer.Argument(help="Folder of wavs/ID.wav and metadata.csv, as 'tts prepare' makes it.")],
    out: Annotated[Path, typer.Option(help="Where codes, checkpoint, TensorBoard, weights and loss.png go.")] = Path(
        "models/codec-lm"
    ),
    codec: Annotated[
        str, typer.Option(help="speech (the shipped one), a .safetensors file, or facebook/encodec_24khz.")
    ] = "speech",
    codebooks: Annotated[int, typer.Option(min=1, help="How many of the codec's codebooks are modelled.")] = 4,
    layers: Annotated[int, typer.Option(min=1)] = 4,
    width: Annotated[int, typer.Option(min=8)] = 256,
    heads: Annotated[int, typer.Option(min=1)] = 4,
    dropout: Annotated[float, typer.Option(min=0, max=0.9)] = 0.1,
    steps: Annotated[int, typer.Option(min=1)] = 1500,
    batch_size: Annotated[int, typer.Option(min=1)] = 8,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 …")] = "cpu",
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Train on a data set of recordings and their texts; run again to go on from the checkpoint.

    Example: nuanced-speech tts codec-lm train data/ --out models/codec-lm --steps 1500
    """
    from nuanced_speech.core.device import check_device

    check_device(device)
    from nuanced_speech.tts.codec_lm.train import LMTrainConfig
    from nuanced_speech.tts.codec_lm.train import train as run

    print(
        run(
            LMTrainConfig(
                data,
                out,
                codec,
                codebooks,
                width,
                layers,
                heads,
                dropout,
                steps,
                batch_size,
                lr,
                seed=seed,
                device=device,
            )
        )
    )


@app.command()
def infer(
    text: Annotated[str, typer.Argument(help="What to say.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="WAV, FLAC or OGG, by its name.")],
    model: Annotated[
        Path, typer.Option(help="What 'codec-lm train' wrote: its folder, or the file of weights.")
    ] = Path("models/codec-lm"),
    speaker: Annotated[Path | None, typer.Option(help="Recording whose beginning is the prompt.")] = None,
    prompt_seconds: Annotated[float, typer.Option(min=0.1, help="How much of it.")] = 2.0,
    temperature: Annotated[float, typer.Option(min=0, help="0: the likeliest code always.")] = 0.7,
    top_k: Annotated[int, typer.Option(min=1, help="Draw from so many of the likeliest codes.")] = 50,
    max_seconds: Annotated[float, typer.Option(min=0.1, help="Longest sentence.")] = 15.0,
    codec: Annotated[str | None, typer.Option(help="Where the codec is, if not where it was.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 …")] = "cpu",
    seed: Annotated[int, typer.Option(help="Of the drawing: the same seed gives the same file.")] = 0,
) -> None:
    """Say a text.

    Example: nuanced-speech tts codec-lm infer "Sharks shed teeth." out.wav --model models/codec-lm --temperature 0.5
    """
    from nuanced_speech import audio

    audio.check_writable(out)
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
