"""``nuanced-speech evaluate``: the benchmark from the command line."""

import json
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Recordings by speaker: a folder for each, or names like SPEAKER-….flac. transcripts.tsv or "
            "clips.tsv beside them (columns path, text, emotion) says what is known of them."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Audio, figures, tables and pictures go there.")] = Path(
        "outputs/evaluation"
    ),
    systems: Annotated[
        str,
        typer.Option(
            help="By commas, of: recording, direct, text, direct-refined, text-refined, recipe, plain, random-walk, "
            "world."
        ),
    ] = "recording,direct,text,plain,world",
    others: Annotated[int, typer.Option(min=0, help="Conversions of each speaker into other speakers.")] = 2,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many recordings of each speaker.")] = None,
    refine: Annotated[
        int, typer.Option(min=1, help="Steps of direct-refined and text-refined; random-walk does as much.")
    ] = 15,
    known: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="direct-refined and text-refined get so much of the wanted speaker's other recordings, and no system "
            "is compared with these.",
        ),
    ] = 0.0,
    language: Annotated[
        str | None, typer.Option(help="Of the recordings; otherwise Whisper finds it each time.")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="Encoder of train_v2_multispeech.py for the system 'recipe'.")
    ] = None,
    encoder: Annotated[Path | None, typer.Option(help="Style encoder instead of the packaged one.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="Content adapter instead of the packaged one.")] = None,
) -> None:
    """Convert a folder of recordings with several systems and measure words, voice, melody, loudness, quality, speed.

    An interrupted run goes on where it stopped. Install the extra 'benchmark' for the predicted quality scores and,
    where clips.tsv says which emotions are acted, for a classifier's opinion on what is left of them.
    """
    import numpy as np

    from nuanced_speech import audio
    from nuanced_speech.dsp.f0 import f0
    from nuanced_speech.evaluate import emotion, tables
    from nuanced_speech.evaluate.benchmark import BenchmarkConfig, machine, run, trials
    from nuanced_speech.evaluate.recordings import find_recordings

    names = tuple(name.strip() for name in systems.split(",") if name.strip())
    config = BenchmarkConfig(folder, out, names, others, limit, refine, known, language, recipe, encoder, adapter)
    results = run(config)
    text: list[str] = []
    values = {}
    for own_voice, title, stem in ((True, "Own voice", "own-voice"), (False, "Another speaker's voice", "other-voice")):
        values[stem] = table = tables.statistics(results, own_voice)
        if table:
            counts = {system: len(rows) for system, rows in tables.by_system(results, own_voice).items()}
            text += [f"## {title}", "", tables.markdown(table, counts), ""]
            tables.bars(out / f"{stem}.png", table)
    speakers = find_recordings(folder, but=out)
    if emotion.available():
        every = [r for recordings in speakers.values() for r in recordings]
        files = {name: {r.name: out / f"{name}-{r.name}.flac" for r in every} for name in names}
        judged = emotion.probe(every, {name: {k: p for k, p in f.items() if p.is_file()} for name, f in files.items()})
        if rows := emotion.markdown(judged):
            text += ["## Emotions", "", rows, ""]
    text.append(
        f"{machine()}. ± is half of the 95 % interval over clips (bootstrap). Whisper base is the judge of words."
    )
    with audio.replacing(out / "table.md") as temporary:
        temporary.write_text("\n".join(text) + "\n", encoding="utf-8")
    with audio.replacing(out / "figures.json") as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    contours: dict[str, dict[str, np.ndarray]] = {}
    for trial in trials(speakers, 1, 0)[:3]:
        spoken = {name: out / f"{name}-{trial.name}.flac" for name in names}
        curves = {name: f0(audio.read(path), audio.SAMPLE_RATE) for name, path in spoken.items() if path.is_file()}
        if curves:
            contours[trial.name] = curves
    if contours:
        tables.f0_contours(out / "f0.png", contours)
    print("\n".join(text))
