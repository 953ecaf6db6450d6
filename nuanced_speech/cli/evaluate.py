"""``nuanced-speech evaluate``: the benchmark."""

from pathlib import Path
from typing import Annotated

import typer

from nuanced_speech.cli.arguments import Decoder
from nuanced_speech.cli.progress import bar

Folder = Annotated[
    Path,
    typer.Argument(
        help="Recordings by speaker: a folder for each, or names like SPEAKER-….flac. A table transcripts.tsv or "
        "clips.tsv beside them (columns path, text, emotion) is optional."
    ),
]
Systems = Annotated[
    str,
    typer.Option(
        help="Systems, separated by commas: recording, direct, text, direct-refined, text-refined, recipe, plain, "
        "random-walk, world, unconverted (the source, in place of another speaker's voice)."
    ),
]
Others = Annotated[int, typer.Option(min=0, help="Number of conversions of each speaker into other speakers.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Largest number of recordings of each speaker. All if omitted.")]
Refine = Annotated[
    int, typer.Option(min=1, help="Steps of direct-refined and text-refined. random-walk takes as much time.")
]
KnownSeconds = Annotated[
    float,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="Seconds of the target speaker's other recordings for direct-refined and text-refined. No system is "
        "compared with these recordings.",
    ),
]
Language = Annotated[
    str | None, typer.Option(help="Language of the recordings (en, fr, …). Detected for each if omitted.")
]
Recipe = Annotated[Path | None, typer.Option(help="Encoder of train_v2_multispeech.py for the system 'recipe'.")]


def evaluate(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="Folder for audio, figures, tables and plots.")] = Path(
        "outputs/evaluation"
    ),
    systems: Systems = "recording,direct,text,plain,world",
    others: Others = 2,
    limit: Limit = None,
    refine: Refine = 15,
    known: KnownSeconds = 0.0,
    language: Language = None,
    recipe: Recipe = None,
    encoder: Annotated[Path | None, typer.Option(help="Style encoder. The packaged one if omitted.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="Content adapter. The packaged one if omitted.")] = None,
    decoder: Decoder = "kokoro",
) -> None:
    """Convert a folder of recordings with several systems and measure words, voice, melody, loudness, quality, speed.

    An interrupted run goes on where it stopped. The extra 'benchmark' adds predicted quality scores, phones by a second
    recognizer and, where clips.tsv has acted emotions, the share of emotions that a classifier still recognises.
    `make evaluate` also installs CAM++, a second judge of likeness.

    Example:

      nuanced-speech evaluate recordings/ --out results/ --systems recording,direct,plain
    """
    from nuanced_speech.core.plotting import require_matplotlib
    from nuanced_speech.evaluate.benchmark import BenchmarkConfig, run
    from nuanced_speech.evaluate.summary import write_summary

    require_matplotlib()
    names = tuple(name.strip() for name in systems.split(",") if name.strip())
    config = BenchmarkConfig(
        folder, out, names, others, limit, refine, known, language, recipe, encoder, adapter, decoder
    )
    with bar("measuring") as advance:
        results = run(config, progress=advance)
    with bar("summing up") as advance:
        text = write_summary(config, results, advance)
    print(text)
