"""``nuanced-speech tts``."""

import typer

from nuanced_speech.tts.codec_cli import app as codec_app
from nuanced_speech.tts.codec_lm_cli import app as codec_lm_app
from nuanced_speech.tts.pretrained_cli import pretrained

app = typer.Typer(
    help="Speech synthesis to learn with and to train: data sets, mel models, vocoders, codec tokens.",
    no_args_is_help=True,
)
app.add_typer(codec_app, name="codec")
app.add_typer(codec_lm_app, name="codec-lm")
app.command()(pretrained)
