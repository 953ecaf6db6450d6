"""``nuanced-speech train``: the corpus, real recordings, and the networks that learn from both."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make the training data and train the content adapter.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="Folder of the corpus; made if it is not there.")]


@app.command()
def corpus(
    out: Folder,
    utterances: Annotated[int, typer.Option(help="How many; 1600 are about two hours of speech.")] = 1600,
    workers: Annotated[int, typer.Option(help="Processes, one core each.")] = 2,
    seed: Annotated[int, typer.Option()] = 0,
    text_file: Annotated[Path | None, typer.Option(help="Sentences, one a line; the packaged ones by default.")] = None,
    dictionary: Annotated[
        float, typer.Option(min=0, max=1, help="Share of texts that are random words of the pronunciation dictionary.")
    ] = 0.0,
    precise: Annotated[bool, typer.Option(help="float32 even where bfloat16 is faster; hardly different.")] = False,
) -> None:
    """Let Kokoro speak random texts in random voices; run again to go on where it was interrupted."""
    from nuanced_speech.train.corpus import SENTENCES, CorpusConfig, generate

    generate(
        CorpusConfig(
            out,
            utterances,
            seed=seed,
            workers=workers,
            text_file=text_file or SENTENCES,
            dictionary=dictionary,
            precision="float32" if precise else "auto",
        )
    )


@app.command()
def real(
    recordings: Annotated[Path, typer.Argument(help="Folder of real recordings (English), searched to the bottom.")],
    out: Folder,
    adapter: Annotated[Path | None, typer.Option(help="Adapter that aligns them; the packaged one by default.")] = None,
) -> None:
    """Transcribe and align real recordings, so that the adapter can learn from them too."""
    from nuanced_speech.train.real import RealConfig, prepare

    prepare(RealConfig(recordings, out, adapter))


@app.command()
def adapter(
    corpora: Annotated[list[Path], typer.Argument(help="Folders that 'train corpus' made.")],
    out: Annotated[Path, typer.Option(help="Where checkpoint and weights go.")] = Path("models/adapter"),
    real: Annotated[Path | None, typer.Option(help="Folder that 'train real' made.")] = None,
    steps: Annotated[int, typer.Option()] = 2000,
    batch_size: Annotated[int, typer.Option()] = 16,
    lr: Annotated[
        float, typer.Option(help="Highest learning rate; Whisper's own layers learn at a fifth of it.")
    ] = 1e-3,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Train the content adapter; run again to go on from its checkpoint."""
    from nuanced_speech.train.content_adapter import AdapterConfig, train

    print(train(AdapterConfig(corpora, out, real, steps, batch_size, lr, seed=seed)))


@app.command()
def recogniser(
    corpora: Annotated[list[Path], typer.Argument(help="Folders that 'train corpus' made.")],
    out: Annotated[Path, typer.Option(help="Where checkpoint and weights go.")] = Path("models/recogniser"),
    real: Annotated[Path | None, typer.Option(help="Folder that 'train real' made.")] = None,
    steps: Annotated[int, typer.Option()] = 150,
    batch_size: Annotated[int, typer.Option()] = 16,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 3e-4,
    device: Annotated[str, typer.Option(help="Where to train: cpu or cuda.")] = "cpu",
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Teach Whisper's decoder to write phonemes, for the direct path; run again to go on from its checkpoint."""
    from nuanced_speech.train.phoneme_recognizer import RecogniserTraining, train

    print(
        train(
            RecogniserTraining(corpora, out, real, device=device, steps=steps, batch_size=batch_size, lr=lr, seed=seed)
        )
    )


@app.command()
def style(
    corpora: Annotated[list[Path], typer.Argument(help="Folders that 'train corpus' made.")],
    out: Annotated[Path, typer.Option(help="Where checkpoint and weights go.")] = Path("models/style"),
    steps: Annotated[int, typer.Option(help="On one core a step takes 0.7 s.")] = 900,
    batch_size: Annotated[int, typer.Option()] = 48,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    last_layer: Annotated[bool, typer.Option(help="Whisper's last layer alone instead of a mixture of all.")] = False,
    mean: Annotated[bool, typer.Option(help="Plain means over time instead of attentive statistics.")] = False,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Train the attentive style encoder; run again to go on from its checkpoint.

    Prints how near it comes to the styles of the stock voices that no training has heard.
    """
    from nuanced_speech.models.attentive_style_encoder import AttentiveConfig
    from nuanced_speech.train.attentive_style_encoder import StyleTraining, train

    shape = AttentiveConfig(attention=not mean)
    if last_layer:
        shape.layers = shape.layers[-1:]
    print(train(StyleTraining(corpora, out, shape, steps=steps, batch_size=batch_size, lr=lr, seed=seed)))


@app.command()
def timbre(
    speech: Annotated[Path, typer.Argument(help="What 'train real' made of recordings of many speakers.")],
    out: Annotated[Path, typer.Option(help="Where samples and weights go.")] = Path("models/timbre"),
    corpus: Annotated[list[Path] | None, typer.Option(help="Folder that 'train corpus' made; may be repeated.")] = None,
    random: Annotated[int, typer.Option(min=10, help="Samples of random timbres.")] = 700,
    rounds: Annotated[int, typer.Option(help="Times to try timbres for the speakers and learn from the result.")] = 4,
    per_round: Annotated[int, typer.Option(help="Samples of a round.")] = 250,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Fit the network that finds a speaker's timbre; run again to go on where it was interrupted.

    Speech that Kokoro makes on the way is judged by DNSMOS too where the extra 'benchmark' is installed.
    """
    from nuanced_speech.train.timbre_surrogate import TimbreConfig, train

    print(train(TimbreConfig(speech, out, corpus or [], random, rounds, per_round, seed=seed)))


@app.command()
def extension(
    speech: Annotated[Path, typer.Argument(help="What 'train real' made of recordings of many speakers.")],
    out: Annotated[Path, typer.Option(help="Where checkpoint and weights go.")] = Path("models/extension"),
    steps: Annotated[int, typer.Option(help="On two cores a step takes minutes, on a GPU half a second.")] = 500,
    batch_size: Annotated[int, typer.Option(help="Passages of 3.2 s said as they were.")] = 10,
    crossed: Annotated[int, typer.Option(help="Passages more, each in another speaker's voice.")] = 5,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    device: Annotated[str, typer.Option(help="Where to train: cpu or cuda.")] = "cpu",
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Teach Kokoro's decoder what its timbres lack of real voices; run again to go on from its checkpoint."""
    from nuanced_speech.train.timbre_extension import ExtensionTraining, train

    print(train(ExtensionTraining(speech, out, device, steps, batch_size, crossed, lr, seed=seed)))


@app.command()
def attributes(
    out: Annotated[Path, typer.Option(help="Where samples and result go.")] = Path("models/attributes"),
    mixtures: Annotated[int, typer.Option(min=0, help="Mixtures to speak with besides the stock voices.")] = 46,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Measure the stock voices and fit the directions that 'describe' moves along; run again to go on."""
    from nuanced_speech.train.attributes import AttributesConfig, train

    print(train(AttributesConfig(out, mixtures, seed)))
