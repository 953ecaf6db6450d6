"""``nuanced-speech tts``."""

import typer

from nuanced_speech.tts.codec_cli import app as codec_app

app = typer.Typer(
    help="Speech synthesis to learn with and to train: data sets, mel models, vocoders, codec tokens.",
    no_args_is_help=True,
)
app.add_typer(codec_app, name="codec")
