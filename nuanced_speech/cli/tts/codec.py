"""``nuanced-speech tts codec``: recordings as codec tokens, back, and the training of the codec."""

from pathlib import Path
from typing import Annotated

import typer

from nuanced_speech.cli.config_options import options_of
from nuanced_speech.cli.progress import bar
from nuanced_speech.core.errors import UserError
from nuanced_speech.tts.configs import CodecTrainConfig

app = typer.Typer(
    help="Audio as residual-vector-quantised codes: encode, decode, look at, train.", no_args_is_help=True
)
Name = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Codec: speech (the shipped one: 16 kHz, 50 frames a second, 8 codebooks), the .safetensors file of one "
        "you "
        "trained, or an EnCodec model: facebook/encodec_24khz or a local folder.",
    ),
]


@app.command()
def encode(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Recording: WAV, FLAC, OGG, MP3, M4A, a video ….")],
    out: Annotated[Path, typer.Argument(metavar="OUT.npz", help="File of codes to write.")],
    codec: Name = "speech",
) -> None:
    """Code a recording.

    Example: nuanced-speech tts codec encode in.wav codes.npz
    """
    from nuanced_speech.tts.codec import codes as files

    files.check_writable(out)
    from nuanced_speech import audio
    from nuanced_speech.tts.codec import interface

    loaded = interface.load(codec)
    import torch

    wave = torch.from_numpy(audio.read(source, loaded.sample_rate))
    with bar(source.name) as advance:
        coded = interface.encode(loaded, wave, progress=advance)
    files.save(out, files.Codes(coded.numpy(), len(wave), loaded.sample_rate, codec, interface.fingerprint(loaded)))
    seconds = len(wave) / loaded.sample_rate
    bits = coded.numel() * (loaded.entries - 1).bit_length()
    print(f"{out}: {coded.shape[0]} codebooks x {coded.shape[1]} frames, {bits / seconds / 1000:.1f} kbit/s")


@app.command()
def decode(
    source: Annotated[Path, typer.Argument(metavar="IN.npz", help="File that 'encode' wrote.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="WAV, FLAC, OGG, Opus, MP3 or M4A, by its name.")],
    codebooks: Annotated[int | None, typer.Option(help="Use only the first so many; all by default.")] = None,
    codec: Annotated[
        str | None, typer.Option(metavar="NAME", help="The codec that encoded it; the one the file names by default.")
    ] = None,
) -> None:
    """Make speech of codes.

    Example: nuanced-speech tts codec decode codes.npz out.wav --codebooks 4
    """
    from nuanced_speech import audio

    audio.check_writable(out)
    from nuanced_speech.tts.codec import codes as files

    coded = files.load(source)
    if codebooks is not None and not 1 <= codebooks <= len(coded.codes):
        raise UserError(f"--codebooks {codebooks}: {source} has {len(coded.codes)}; give 1 to {len(coded.codes)}")
    import torch

    from nuanced_speech.tts.codec import interface

    loaded = interface.load(codec or coded.codec)
    if interface.fingerprint(loaded) != coded.fingerprint:
        raise UserError(f"{source} was encoded by another codec than {codec or coded.codec}: name it with --codec")
    try:
        with bar(source.name) as advance:
            wave = interface.decode(loaded, torch.from_numpy(coded.codes[:codebooks]), progress=advance)
    except ValueError as error:
        raise UserError(f"{source} is damaged: {error}") from error
    audio.write(out, wave[: coded.samples].numpy(), loaded.sample_rate)


@app.command()
def plot(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Recording: WAV, FLAC, OGG, MP3, M4A, a video ….")],
    out: Annotated[Path, typer.Argument(metavar="OUT.png", help="Picture to write: PNG or SVG.")],
    codec: Name = "speech",
) -> None:
    """Draw how much of each codebook a recording uses, and what is rebuilt with 1, 2, 4 … codebooks.

    Example: nuanced-speech tts codec plot in.wav codec.png
    """
    from nuanced_speech import audio

    if out.suffix.lower() not in (".png", ".svg"):
        raise UserError(f"{out}: pictures are written as .png or .svg; end the name in one of them")
    audio.check_replaceable(out)
    import torch

    from nuanced_speech.tts.codec import interface, picture

    loaded = interface.load(codec)
    wave = torch.from_numpy(audio.read(source, loaded.sample_rate))
    picture.draw(out, loaded, wave, interface.encode(loaded, wave), f"{source.name} through {codec}")


@app.command()
@options_of(CodecTrainConfig, arguments=("sources",))
def train(config: CodecTrainConfig) -> None:
    """Train the speech codec; run again to go on from its checkpoint.

    The weights, OUT/codec.safetensors, are what --codec takes. 5000 steps take about 40 minutes of one CPU core.

    Example: nuanced-speech tts codec train recordings/ corpus/ --out models/codec
    """
    from nuanced_speech.core.device import check_device

    check_device(config.device)
    from nuanced_speech.tts.codec.train import train as run

    print(run(config, report=print))
