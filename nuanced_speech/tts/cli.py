"""``nuanced-speech tts``."""

import typer

from nuanced_speech.tts.acoustic_cli import infer, train
from nuanced_speech.tts.codec_cli import app as codec_app
from nuanced_speech.tts.codec_lm_cli import app as codec_lm_app
from nuanced_speech.tts.features_cli import dummy, features, speak_dataset
from nuanced_speech.tts.prepare_cli import prepare
from nuanced_speech.tts.pretrained_cli import pretrained
from nuanced_speech.tts.vocoder_cli import train_vocoder, vocode

app = typer.Typer(
    help="Speech synthesis to learn with and to train: data sets, mel models, vocoders, codec tokens.",
    no_args_is_help=True,
)
for command in (prepare, features, dummy, speak_dataset, train, infer, train_vocoder, vocode, pretrained):
    app.command()(command)
app.add_typer(codec_app, name="codec")
app.add_typer(codec_lm_app, name="codec-lm")
