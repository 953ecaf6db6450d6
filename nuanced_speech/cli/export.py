"""``nuanced-speech export``: the text-free conversion for small machines and for browsers."""

from pathlib import Path
from typing import Annotated

import typer

from nuanced_speech.cli.progress import bar
from nuanced_speech.core.errors import UserError

FAST, KOKORO = "fast", "kokoro"
app = typer.Typer(help="Write the text-free conversion for machines without PyTorch.", no_args_is_help=True)

Out = Annotated[Path, typer.Argument(help="Folder to write; made if it is not there.")]
Weights = Annotated[
    str,
    typer.Option(
        metavar="fast|FILE",
        help="Decoder: fast, the packaged one, or weights of a fast decoder of your own training (train decoder).",
    ),
]
Half = Annotated[bool, typer.Option("--fp16", help="Weights in half precision: half the size.")]
Int8 = Annotated[bool, typer.Option("--int8", help="Linear layers in int8: smaller and quicker, a little less exact.")]
Voices = Annotated[
    list[str] | None,
    typer.Option("--voice", help="Saved voice, file or mixture besides the 54 stock voices. Repeatable."),
]


@app.command()
def onnx(out: Out, decoder: Weights = FAST, half: Half = False, int8: Int8 = False, voices: Voices = None) -> None:
    """Write the networks for ONNX Runtime, the voices, and models.json, which says shapes, rates and sums.

    python -m nuanced_speech.edge converts with them.

    Example:

      nuanced-speech export onnx models/ --fp16
    """
    print(_write(out, decoder, half, int8, voices or []))


def _write(out: Path, decoder: str, half: bool, int8: bool, voices: list[str], page: bool = False) -> Path:
    from nuanced_speech.export.bundle import ExportOptions, export_onnx
    from nuanced_speech.export.files import onnx_package
    from nuanced_speech.export.voice_table import voice_table
    from nuanced_speech.export.web import export_web
    from nuanced_speech.models.bank import ModelBank
    from nuanced_speech.models.decoder import load_decoder
    from nuanced_speech.models.fast_decoder import FastDecoder
    from nuanced_speech.voice.voice import Voice

    onnx_package()
    if decoder == KOKORO:
        raise UserError(f"decoder: Kokoro's is too large for small machines: give {FAST}, or weights of a fast decoder")
    # before the models are loaded, which takes longer
    for voice in voices:
        Voice.load(voice)
    models = ModelBank()
    network = load_decoder(decoder, models)
    assert isinstance(network, FastDecoder)
    with bar("export") as advance:
        rows = voice_table(models.kokoro, voices)
        write = export_web if page else export_onnx
        return write(out, models, network, rows, ExportOptions(half, int8), lambda done: advance(done))


@app.command()
def web(out: Out, decoder: Weights = FAST, int8: Int8 = False, voices: Voices = None) -> None:
    """Write a page that converts in the browser: any server of files can serve the folder, and nothing is sent to it.

    Weights are in half precision.

    Example:

      nuanced-speech export web site/
    """
    print(_write(out, decoder, True, int8, voices or [], page=True))
