"""The summary of a benchmark: tables and plots of all results, written beside them."""

import json
from collections.abc import Sequence

import numpy as np

from nuanced_speech import audio
from nuanced_speech.core.progress import Progress
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.evaluate import emotion, tables
from nuanced_speech.evaluate.benchmark import BenchmarkConfig, machine
from nuanced_speech.evaluate.judge import Result
from nuanced_speech.evaluate.recordings import EvaluationRecording, find_recordings
from nuanced_speech.evaluate.trials import trials

# Recordings whose melodies are plotted.
PLOTTED = 3
_KINDS = ((True, "Own voice", "own-voice"), (False, "Another speaker's voice", "other-voice"))


def write_summary(config: BenchmarkConfig, results: Sequence[Result], progress: Progress | None = None) -> str:
    """Write ``table.md``, ``figures.json`` and plots into the folder of the results.

    Args:
        config: settings of the benchmark.
        results: what ``benchmark.run`` returned.
        progress: called with the share of the emotions that are done, 0 to 1, where they are predicted at all.

    Returns:
        the text of ``table.md``.

    Raises:
        UserError: a file cannot be written, or matplotlib is not installed.
    """
    text: list[str] = []
    values = {}
    for own_voice, title, stem in _KINDS:
        values[stem] = table = tables.statistics(results, own_voice)
        if table:
            counts = {system: len(rows) for system, rows in tables.by_system(results, own_voice).items()}
            text += [f"## {title}", "", tables.markdown(table, counts), ""]
            tables.bars(config.out / f"{stem}.png", table)
    speakers = find_recordings(config.folder, but=config.out)
    if rows := _emotions(config, speakers, progress):
        text += ["## Emotions", "", rows, ""]
    text.append(
        f"{machine()}. ± is half of the 95 % interval over clips (bootstrap). Transcripts are from Whisper base."
    )
    with audio.replacing(config.out / "table.md") as temporary:
        temporary.write_text("\n".join(text) + "\n", encoding="utf-8")
    with audio.replacing(config.out / "figures.json") as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    if contours := _contours(config, speakers):
        tables.f0_contours(config.out / "f0.png", contours)
    return "\n".join(text)


def _emotions(
    config: BenchmarkConfig, speakers: dict[str, list[EvaluationRecording]], progress: Progress | None
) -> str:
    """The table of emotions; empty where the packages are not installed or no emotion is known."""
    if not emotion.available():
        return ""
    recordings = [r for group in speakers.values() for r in group]
    files = {name: {r.name: config.out / f"{name}-{r.name}.flac" for r in recordings} for name in config.systems}
    made = {name: {k: path for k, path in group.items() if path.is_file()} for name, group in files.items()}
    return emotion.markdown(emotion.probe(recordings, made, progress))


def _contours(
    config: BenchmarkConfig, speakers: dict[str, list[EvaluationRecording]]
) -> dict[str, dict[str, np.ndarray]]:
    """F0 of the first recordings in their own voice, by recording and system."""
    contours: dict[str, dict[str, np.ndarray]] = {}
    for trial in trials(speakers, 1, 0)[:PLOTTED]:
        files = {name: config.out / f"{name}-{trial.name}.flac" for name in config.systems}
        curves = {name: f0(audio.read(path), audio.SAMPLE_RATE) for name, path in files.items() if path.is_file()}
        if curves:
            contours[trial.name] = curves
    return contours
