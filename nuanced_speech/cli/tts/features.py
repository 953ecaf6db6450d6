"""``nuanced-speech tts features``, ``tts dummy`` and ``tts speak-dataset``."""

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Argument(help="Folder for one .npz an utterance; made if it is not there.")]


def features(
    dataset: Annotated[
        Path,
        typer.Argument(help="Folder as LJSpeech lays it out (wavs/, metadata.csv), or one that 'train corpus' made."),
    ],
    out: Out,
    language: Annotated[str, typer.Option(help="Language of the texts (en, fr, …).")] = "en",
    durations: Annotated[
        bool, typer.Option(help="Align phonemes with the sound (English only); Tacotron 2 does without.")
    ] = True,
) -> None:
    """Write phonemes, speaker embedding, mel and durations of a data set; run again to go on where it was interrupted.

    Example:

      nuanced-speech tts prepare recordings/ dataset/

      nuanced-speech tts features dataset/ features/
    """
    from nuanced_speech.tts.extract import ExtractConfig, extract

    print(f"{extract(ExtractConfig(dataset, out, language, durations))} utterances in {out}")


def dummy(
    out: Out,
    utterances: Annotated[int, typer.Option(min=1, help="Number of utterances.")] = 64,
    speakers: Annotated[int, typer.Option(min=1, help="Number of speakers.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
) -> None:
    """Write a small made-up data set that a model learns in a minute: to see that training works.

    Example:

      nuanced-speech tts dummy dummy/ && nuanced-speech tts train --model etts --data dummy/ --out models/dummy
    """
    from nuanced_speech.tts.dummy import write_dummy

    write_dummy(out, utterances, speakers, seed)
    print(f"{utterances} utterances in {out}")


def speak_dataset(
    text_file: Annotated[Path, typer.Argument(help="Sentences, one a line.")],
    out: Out,
    voices: Annotated[
        str, typer.Option(help="By commas; several are mixed too. All English stock voices when left out.")
    ] = "",
    repeats: Annotated[int, typer.Option(min=1, help="Number of times the text is read, in other voices.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes, one core each.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
) -> None:
    """Let Kokoro read a text in many voices: features with exact durations, and the sound beside them.

    Example:

      nuanced-speech tts speak-dataset book.txt spoken/ --voices af_heart,bm_george
    """
    from nuanced_speech.cli.progress import bar
    from nuanced_speech.tts.speak_dataset import SpeakConfig, speak_dataset

    names = tuple(name.strip() for name in voices.split(",") if name.strip())
    with bar("speaking") as advance:
        count = speak_dataset(SpeakConfig(text_file, out, names, repeats, seed, workers), advance)
    print(f"{count} utterances in {out}")
