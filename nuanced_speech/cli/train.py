"""``nuanced-speech train``: the corpus, real recordings, and the networks that learn from both."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from nuanced_speech.cli.config_options import options_of
from nuanced_speech.cli.launched import print_once, refuse_several
from nuanced_speech.train import configs

app = typer.Typer(help="Make the training data and train the networks.", no_args_is_help=True)


@app.command()
@options_of(configs.CorpusConfig, arguments=("out",))
def corpus(
    config: configs.CorpusConfig,
    precise: Annotated[
        bool, typer.Option(help="Compute in float32 even where bfloat16 is faster; hardly different.")
    ] = False,
) -> None:
    """Let Kokoro speak random texts in random voices; run again to go on where it was interrupted."""
    from nuanced_speech.train.corpus import generate

    refuse_several()
    generate(replace(config, precision="float32") if precise else config)


@app.command()
def real(
    recordings: Annotated[Path, typer.Argument(help="Folder of real recordings, searched to the bottom.")],
    out: Annotated[Path, typer.Argument(help="Folder of the corpus; made if it is not there.")],
    adapter: Annotated[Path | None, typer.Option(help="Adapter that aligns them; the packaged one by default.")] = None,
    language: Annotated[str, typer.Option(help="Language of the recordings (en, de, fr, …).")] = "en",
) -> None:
    """Transcribe and align real recordings, so that the adapter can learn from them too."""
    from nuanced_speech.train.real import RealConfig, prepare

    refuse_several()
    prepare(RealConfig(recordings, out, adapter, language))


@app.command("decoder-data")
@options_of(configs.DecoderDataConfig, arguments=("out",))
def decoder_data(config: configs.DecoderDataConfig) -> None:
    """Prepare speech for the training of the fast decoder; run again to go on, or to add what is new."""
    from nuanced_speech.train.decoder_data import prepare

    refuse_several()
    prepare(config)


@app.command()
@options_of(configs.FastDecoderTraining, arguments=("data",))
def decoder(config: configs.FastDecoderTraining) -> None:
    """Train the fast decoder; run again to go on from its checkpoint, also with more data."""
    from nuanced_speech.train.fast_decoder import train

    print_once(train(config, report=print))


@app.command()
@options_of(configs.AdapterConfig, arguments=("corpora",))
def adapter(config: configs.AdapterConfig) -> None:
    """Train the content adapter; run again to go on from its checkpoint."""
    from nuanced_speech.train.content_adapter import train

    print_once(train(config, report=print))


@app.command()
@options_of(configs.PhonemeRecognizerTraining, arguments=("corpora",))
def recogniser(config: configs.PhonemeRecognizerTraining) -> None:
    """Teach Whisper's decoder to write phonemes, for the direct path; run again to go on from its checkpoint."""
    from nuanced_speech.train.phoneme_recognizer import train

    print_once(train(config, report=print))


@app.command()
@options_of(configs.StyleTraining, arguments=("corpora",))
def style(
    config: configs.StyleTraining,
    last_layer: Annotated[bool, typer.Option(help="Whisper's last layer alone instead of a mixture of all.")] = False,
    mean: Annotated[bool, typer.Option(help="Plain means over time instead of attentive statistics.")] = False,
) -> None:
    """Train the attentive style encoder; run again to go on from its checkpoint.

    Prints the cosines to the styles of the stock voices that are held out.
    """
    from nuanced_speech.models.attentive_style_encoder import AttentiveConfig
    from nuanced_speech.train.attentive_style_encoder import train

    shape = AttentiveConfig(attention=not mean)
    shape = replace(shape, layers=shape.layers[-1:]) if last_layer else shape
    print_once(train(config, shape, report=print))


@app.command()
@options_of(configs.TimbreConfig, arguments=("speech",), names={"corpora": "--corpus"})
def timbre(config: configs.TimbreConfig) -> None:
    """Fit the network that finds a speaker's timbre; run again to go on where it was interrupted."""
    from nuanced_speech.train.timbre_surrogate import train

    refuse_several()
    print(train(config))


@app.command()
@options_of(configs.TimbreExtensionTraining, arguments=("speech",))
def extension(config: configs.TimbreExtensionTraining) -> None:
    """Teach Kokoro's decoder what its timbres lack of real voices; run again to go on from its checkpoint."""
    from nuanced_speech.train.timbre_extension import train

    print_once(train(config, report=print))


@app.command()
@options_of(configs.AttributesConfig)
def attributes(config: configs.AttributesConfig) -> None:
    """Measure the stock voices and fit the directions that 'describe' moves along; run again to go on."""
    from nuanced_speech.train.attributes import train

    refuse_several()
    print(train(config, report=print))
