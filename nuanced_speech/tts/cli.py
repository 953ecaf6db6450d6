"""``nuanced-speech tts``."""

import typer

from nuanced_speech.tts import acoustic_cli

app = typer.Typer(
    help="Speech synthesis to learn with and to train: data sets, mel models, vocoders, codec tokens.",
    no_args_is_help=True,
)
app.command()(acoustic_cli.train)
app.command()(acoustic_cli.infer)
