"""``nuanced-speech tts``."""

import typer

from nuanced_speech.cli.tts.acoustic import infer, train
from nuanced_speech.cli.tts.codec import app as codec_app
from nuanced_speech.cli.tts.codec_lm import app as codec_lm_app
from nuanced_speech.cli.tts.features import dummy, features, speak_dataset
from nuanced_speech.cli.tts.prepare import prepare
from nuanced_speech.cli.tts.pretrained import pretrained
from nuanced_speech.cli.tts.vocoder import train_vocoder, vocode

app = typer.Typer(
    help="Speech synthesis to learn with and to train: data sets, mel models, vocoders, codec tokens.",
    no_args_is_help=True,
)
for command in (prepare, features, dummy, speak_dataset, train, infer, train_vocoder, vocode, pretrained):
    app.command()(command)
app.add_typer(codec_app, name="codec")
app.add_typer(codec_lm_app, name="codec-lm")
