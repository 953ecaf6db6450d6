"""The benchmark: recordings through every system, in their own voice and in others, measured one by one.

Each result is a small JSON file beside its audio, so an interrupted run goes on where it stopped. ``tables.py`` makes
the tables and pictures of them.
"""

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from nuanced_speech import audio
from nuanced_speech.convert import Converter
from nuanced_speech.errors import UserError
from nuanced_speech.evaluate import metrics, report
from nuanced_speech.evaluate.quality import quality
from nuanced_speech.evaluate.recordings import Recording, find_recordings
from nuanced_speech.evaluate.systems import SYSTEMS, Job, Workshop


@dataclass
class BenchmarkConfig:
    """What to measure.

    ``others`` is the number of conversions of each speaker into other speakers, ``limit`` how many recordings of each
    are converted in their own voice (all when None). ``recipe`` is an encoder that ``train_v2_multispeech.py`` made;
    without it that system is left out.
    """

    folder: Path
    out: Path
    systems: tuple[str, ...] = ("recording", "direct", "text", "plain", "world")
    others: int = 2
    limit: int | None = None
    language: str | None = None
    recipe: Path | None = None
    encoder: Path | None = None
    adapter: Path | None = None


@dataclass
class Result:
    """One conversion, measured.

    Errors are counts, to be pooled: against the transcript (``words``; Whisper's of the source where there is none) and
    against what Whisper base hears in the source (``heard_words``). ``secs`` is the cosine to the other recordings of
    the target speaker; ``second`` is what one more recording of that speaker has, ``stranger`` one of other speakers.
    """

    system: str
    recording: str
    speaker: str
    target: str | None
    wrong_words: int
    words: int
    wrong_characters: int
    characters: int
    wrong_heard_words: int
    heard_words: int
    f0_correlation: float
    f0_rmse_cents: float
    voicing_error: float
    energy_correlation: float
    secs: float
    second: float
    stranger: float
    sig: float | None
    bak: float | None
    ovrl: float | None
    p808: float | None
    distill_mos: float | None
    source_seconds: float
    output_seconds: float
    processing_seconds: float
    transcript: str


@dataclass(frozen=True)
class Conversion:
    """A recording and, where it is not its own voice that is wanted, a recording of the other speaker."""

    source: Recording
    reference: Recording | None = None

    @property
    def name(self) -> str:
        source = f"{self.source.speaker}-{self.source.path.stem}"
        return source if self.reference is None else f"{source}-as-{self.reference.speaker}"


def conversions(speakers: dict[str, list[Recording]], limit: int | None, others: int) -> list[Conversion]:
    """Every recording in its own voice; then of each speaker the first recordings in the voices of the next speakers,
    each known by one recording."""
    own = [Conversion(source) for recordings in speakers.values() for source in recordings[:limit]]
    names, crossed = list(speakers), []
    for number, name in enumerate(names):
        for k in range(min(others, len(names) - 1)):
            source = speakers[name][k % len(speakers[name])]
            target = speakers[names[(number + 1 + k) % len(names)]]
            crossed.append(Conversion(source, target[k % len(target)]))
    return own + crossed


class Judge:
    """Measures outputs; hears and embeds each recording once."""

    def __init__(self, config: BenchmarkConfig, speakers: dict[str, list[Recording]], converter: Converter) -> None:
        self.config, self.speakers, self.listener = config, speakers, converter.transcriber
        self.heard: dict[Path, str] = {}
        self.contours: dict[Path, report.Contours] = {}
        self.voices: dict[Path, np.ndarray | None] = {}

    def measure(self, system: str, job: Conversion, source: np.ndarray, output: np.ndarray, seconds: float) -> Result:
        """All figures of ``output [T]`` at 24 kHz."""
        recording = job.source
        if recording.path not in self.heard:
            self.heard[recording.path] = report.hear(self.listener, source, self.config.language).text
            self.contours[recording.path] = report.contours(source)
        heard, before = self.heard[recording.path], self.contours[recording.path]
        # the target's own recording says other words, with another melody
        said = report.hear(self.listener, output, self.config.language).text
        after = report.contours(output)
        errors = metrics.word_errors(recording.text or heard, said, self.config.language or "en")
        heard_errors = metrics.word_errors(heard, said, self.config.language or "en")
        target = recording.speaker if job.reference is None else job.reference.speaker
        known = recording if job.reference is None else job.reference
        scores = quality(output, audio.SAMPLE_RATE)
        return Result(
            system=system,
            recording=str(recording.path.relative_to(self.config.folder)),
            speaker=recording.speaker,
            target=None if job.reference is None else target,
            wrong_words=errors.words.total,
            words=errors.words.reference_length,
            wrong_characters=errors.characters.total,
            characters=errors.characters.reference_length,
            wrong_heard_words=heard_errors.words.total,
            heard_words=heard_errors.words.reference_length,
            f0_correlation=metrics.f0_correlation(before.f0, after.f0),
            f0_rmse_cents=metrics.f0_rmse_cents(before.f0, after.f0),
            voicing_error=metrics.voicing_error(before.f0, after.f0),
            energy_correlation=metrics.energy_correlation(before.n, after.n),
            secs=self._similarity(metrics.speaker_embedding(output, audio.SAMPLE_RATE), target, known),
            second=self._similarity(self._voice(known), target, known),
            stranger=float(
                np.mean([self._similarity(self._voice(known), name, known) for name in self.speakers if name != target])
            )
            if len(self.speakers) > 1
            else float("nan"),
            **asdict(scores),
            source_seconds=len(source) / audio.SAMPLE_RATE,
            output_seconds=len(output) / audio.SAMPLE_RATE,
            processing_seconds=seconds,
            transcript=said,
        )

    def _voice(self, recording: Recording) -> np.ndarray | None:
        if recording.path not in self.voices:
            wave = audio.read(recording.path)
            self.voices[recording.path] = metrics.speaker_embedding(wave, audio.SAMPLE_RATE)
        return self.voices[recording.path]

    def _similarity(self, voice: np.ndarray | None, speaker: str, but: Recording) -> float:
        """Cosine to the mean embedding of a speaker's recordings but one; NaN where there is no other."""
        others = [self._voice(r) for r in self.speakers[speaker] if r != but]
        known = [other for other in others if other is not None]
        return metrics.cosine(voice, np.mean(known, 0) if known else None)


def run(config: BenchmarkConfig) -> list[Result]:
    """Convert and measure what was not measured before; all results, those of earlier runs among them.

    Raises:
        UserError: an unknown system, a missing package, or what ``find_recordings`` says.
    """
    unknown = [name for name in config.systems if name not in SYSTEMS]
    if unknown:
        raise UserError(f"unknown system {unknown[0]!r}: choose from {', '.join(SYSTEMS)}")
    if "recipe" in config.systems and config.recipe is None:
        raise UserError("the system 'recipe' needs an encoder: train one, then give --recipe models/…")
    metrics.require_resemblyzer()
    speakers = find_recordings(config.folder)
    config.out.mkdir(parents=True, exist_ok=True)
    converter = Converter(encoder=config.encoder, adapter=config.adapter)
    recipe = Converter(encoder=config.recipe, adapter=config.adapter) if config.recipe else None
    shop, judge = Workshop(converter, recipe), Judge(config, speakers, converter)
    results: list[Result] = []
    for system in config.systems:
        # a recording of another voice says other words: nothing to compare
        others = 0 if system == "recording" else config.others
        results += _run_system(system, config, conversions(speakers, config.limit, others), shop, judge)
    return results


def _run_system(
    system: str, config: BenchmarkConfig, jobs: list[Conversion], shop: Workshop, judge: Judge
) -> Iterator[Result]:
    for job in track(jobs, system):
        sheet = config.out / f"{system}-{job.name}.json"
        if sheet.exists():
            yield Result(**json.loads(sheet.read_text(encoding="utf-8")))
            continue
        source = audio.read(job.source.path)
        reference = None if job.reference is None else audio.read(job.reference.path)
        path = None if job.reference is None else job.reference.path
        output, seconds = SYSTEMS[system](shop, Job(source, reference, path, config.language))
        audio.write(sheet.with_suffix(".flac"), output)
        result = judge.measure(system, job, source, output, seconds)
        with audio.replacing(sheet) as temporary:
            temporary.write_text(json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        yield result


def machine() -> str:
    """What this runs on, in a few words."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
