"""``nuanced-speech tts``."""

import typer

app = typer.Typer(
    help="Speech synthesis to learn with and to train: data sets, mel models, vocoders, codec tokens.",
    no_args_is_help=True,
)
