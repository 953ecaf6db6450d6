"""The benchmark: recordings through every system, in their own voice and in others, measured one by one.

Each result is a small JSON file beside its audio, so an interrupted run goes on where it stopped. ``tables.py`` makes
the tables and pictures of them.
"""

import hashlib
import json
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from nuanced_speech import audio
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.errors import UserError
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.evaluate import metrics, report
from nuanced_speech.evaluate.quality import quality
from nuanced_speech.evaluate.recordings import Recording, find_recordings
from nuanced_speech.evaluate.systems import SYSTEMS, Job, Models
from nuanced_speech.models.attentive_style_encoder import WEIGHTS as ATTENTIVE
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.content_adapter import WEIGHTS as ADAPTER
from nuanced_speech.models.phoneme_recognizer import WEIGHTS as RECOGNISER
from nuanced_speech.models.style_encoder import PACKAGED as ENCODER
from nuanced_speech.models.timbre_extension import WEIGHTS as EXTENSION
from nuanced_speech.models.timbre_surrogate import WEIGHTS as TIMBRE
from nuanced_speech.models.whisper import Listener, Transcript
from nuanced_speech.weights.store import sha256

log = logging.getLogger(__name__)


@dataclass
class BenchmarkConfig:
    """What to measure.

    ``others`` is the number of conversions of each speaker into other speakers, ``limit`` how many recordings of each
    are converted in their own voice (all when None). ``refine`` is the number of steps of the systems that refine,
    ``known`` how many seconds of the speaker's other recordings these get, which are then not compared with;
    ``recipe`` an encoder that ``train_v2_multispeech.py`` made, for the system of that name.
    """

    folder: Path
    out: Path
    systems: tuple[str, ...] = ("recording", "direct", "text", "plain", "world")
    others: int = 2
    limit: int | None = None
    refine: int = 15
    known: float = 0.0
    language: str | None = None
    recipe: Path | None = None
    encoder: Path | None = None
    adapter: Path | None = None


@dataclass
class Result:
    """One conversion, measured.

    Errors are counts, to be pooled: against the transcript (``words``; Whisper's of the source where there is none) and
    against what Whisper base hears in the source (``heard_words``); ``wrong_either_words`` against what is nearer,
    stretch by stretch. ``secs`` is the cosine to the other recordings of the target speaker; ``second`` is what one
    more recording of that speaker has, ``stranger`` one of other speakers.
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
    wrong_either_words: int
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
class Trial:
    """A recording and, where it is not its own voice that is wanted, a recording of the other speaker; ``more``
    recordings by which that voice is known."""

    source: Recording
    reference: Recording | None = None
    more: tuple[Recording, ...] = ()

    @property
    def name(self) -> str:
        return self.source.name if self.reference is None else f"{self.source.name}-as-{self.reference.speaker}"


def trials(speakers: dict[str, list[Recording]], limit: int | None, others: int, known: float = 0.0) -> list[Trial]:
    """Every recording in its own voice; then of each speaker the first recordings in the voices of the next speakers,
    each known by one recording, and by so many seconds of those after it."""
    own = [
        Trial(source, None, _following(recordings, k, known))
        for recordings in speakers.values()
        for k, source in enumerate(recordings[:limit])
    ]
    names, crossed = list(speakers), []
    for number, name in enumerate(names):
        for k in range(min(others, len(names) - 1)):
            source = speakers[name][k % len(speakers[name])]
            target = speakers[names[(number + 1 + k) % len(names)]]
            reference = k % len(target)
            crossed.append(Trial(source, target[reference], _following(target, reference, known)))
    return own + crossed


def _following(recordings: list[Recording], number: int, seconds: float) -> tuple[Recording, ...]:
    """The recordings after one, the first ones after the last, until they last so long; one is always left out, since
    the output is compared with what is left."""
    found: list[Recording] = []
    for recording in (recordings[number + 1 :] + recordings[:number])[:-1]:
        if seconds <= 0:
            break
        with suppress(UserError):  # it is named where it is to be converted
            seconds -= len(audio.read(recording.path)) / audio.SAMPLE_RATE
            found.append(recording)
    return tuple(found)


class Judge:
    """Measures outputs; hears and embeds each recording once."""

    def __init__(self, config: BenchmarkConfig, speakers: dict[str, list[Recording]], listener: Listener) -> None:
        self.config, self.speakers, self.listener = config, speakers, listener
        self.heard: dict[Recording, tuple[Transcript, report.Contours]] = {}
        self.voices: dict[Recording, np.ndarray | None] = {}

    def measure(self, system: str, trial: Trial, source: np.ndarray, output: np.ndarray, seconds: float) -> Result:
        """All figures of ``output [T]`` at 24 kHz."""
        recording = trial.source
        if recording not in self.heard:
            transcript = report.hear(self.listener, source, self.config.language)
            self.heard[recording] = transcript, report.contours(source)
        heard, before = self.heard[recording]
        said = report.hear(self.listener, output, heard.language).text
        after = report.contours(output)
        true = recording.text or heard.text
        errors = metrics.word_errors(true, said, heard.language)
        heard_errors = metrics.word_errors(heard.text, said, heard.language)
        known = trial.reference or recording
        used = (known, *trial.more)
        strangers = [self._similarity(self._voice(known), s, used) for s in self.speakers if s != known.speaker]
        if trial.reference is not None:
            # another voice has another range: melodies are compared around their own middle
            after.f0 = after.f0 * 2 ** np.nan_to_num(median_log_f0(before.f0) - median_log_f0(after.f0))
        return Result(
            system=system,
            recording=recording.name,
            speaker=recording.speaker,
            target=None if trial.reference is None else known.speaker,
            wrong_words=errors.words.total,
            words=errors.words.reference_length,
            wrong_characters=errors.characters.total,
            characters=errors.characters.reference_length,
            wrong_heard_words=heard_errors.words.total,
            heard_words=heard_errors.words.reference_length,
            wrong_either_words=metrics.edits_from_either(heard.text, true, said, heard.language),
            f0_correlation=metrics.f0_correlation(before.f0, after.f0),
            f0_rmse_cents=metrics.f0_rmse_cents(before.f0, after.f0),
            voicing_error=metrics.voicing_error(before.f0, after.f0),
            energy_correlation=metrics.energy_correlation(before.n, after.n),
            secs=self._similarity(metrics.speaker_embedding(output, audio.SAMPLE_RATE), known.speaker, used),
            second=self._similarity(self._voice(known), known.speaker, used),
            stranger=float(np.nanmean([*strangers, np.nan])) if np.isfinite(strangers).any() else float("nan"),
            **asdict(quality(output, audio.SAMPLE_RATE)),
            source_seconds=len(source) / audio.SAMPLE_RATE,
            output_seconds=len(output) / audio.SAMPLE_RATE,
            processing_seconds=seconds,
            transcript=said,
        )

    def _voice(self, recording: Recording) -> np.ndarray | None:
        if recording not in self.voices:
            self.voices[recording] = None
            with suppress(UserError):  # it is named where it is to be converted
                wave = audio.read(recording.path)
                self.voices[recording] = metrics.speaker_embedding(wave, audio.SAMPLE_RATE)
        return self.voices[recording]

    def _similarity(self, voice: np.ndarray | None, speaker: str, but: tuple[Recording, ...]) -> float:
        """Cosine to the mean embedding of a speaker's recordings but some; NaN where there is no other."""
        others = [self._voice(r) for r in self.speakers[speaker] if r not in but]
        known = [other for other in others if other is not None]
        return metrics.cosine(voice, np.mean(known, 0) if known else None)


def run(config: BenchmarkConfig) -> list[Result]:
    """Convert and measure what was not measured before; all results, those of earlier runs among them.

    Recordings that cannot be converted are named and left out.

    Raises:
        UserError: an unknown system, a missing package, a folder with results of other settings, or what
            ``find_recordings`` says.
    """
    unknown = [name for name in config.systems if name not in SYSTEMS]
    if unknown or not config.systems:
        raise UserError(f"unknown system {unknown[0] if unknown else ''!r}: choose from {', '.join(SYSTEMS)}")
    if ("recipe" in config.systems) != (config.recipe is not None):
        raise UserError("the system 'recipe' and --recipe ENCODER of train_v2_multispeech.py need each other")
    metrics.require_resemblyzer()
    if "world" in config.systems and find_spec("pyworld") is None:
        raise UserError("the system 'world' needs the extra 'evaluate': pip install 'nuanced-speech[evaluate]'")
    speakers = find_recordings(config.folder, but=config.out)
    try:
        config.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{config.out}: cannot make this folder ({error.strerror})") from error
    _check_settings(config, speakers)
    converter = Converter(ModelBank(encoder=config.encoder, adapter=config.adapter))
    recipe = Converter(ModelBank(encoder=config.recipe, adapter=config.adapter)) if config.recipe else None
    models, judge = Models(converter, recipe), Judge(config, speakers, Listener())
    results: list[Result] = []
    every = trials(speakers, config.limit, config.others, config.known)
    # a recording of another voice says other words: nothing to compare
    own = [trial for trial in every if trial.reference is None]
    for system in dict.fromkeys(config.systems):
        results += _run_system(system, config, own if system == "recording" else every, models, judge)
    return results


def _check_settings(config: BenchmarkConfig, speakers: dict[str, list[Recording]]) -> None:
    """Results lie in a folder for one set of recordings, weights and language only."""
    names = [(r.name, r.text) for recordings in speakers.values() for r in recordings]
    weights = {"encoder": config.encoder or ENCODER, "adapter": config.adapter or ADAPTER}
    weights |= {"timbre": TIMBRE, "extension": EXTENSION, "attentive": ATTENTIVE, "recogniser": RECOGNISER}
    settings = {
        "recordings": hashlib.sha256(json.dumps(names).encode()).hexdigest(),
        "language": config.language,
        "refine": config.refine,
        "known": config.known,
        **{name: sha256([path]) for name, path in weights.items() if path.is_file()},
    }
    sheet = config.out / "settings.json"
    if not sheet.is_file():
        with audio.replacing(sheet) as temporary:
            temporary.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    elif sheet.read_text(encoding="utf-8") != json.dumps(settings, indent=2) + "\n":
        raise UserError(f"{config.out} holds results of other recordings, weights or language: give another --out")


def _run_system(
    system: str, config: BenchmarkConfig, every: list[Trial], models: Models, judge: Judge
) -> Iterator[Result]:
    for trial in track(every, system, console=Console(stderr=True)):
        sheet = config.out / f"{system}-{trial.name}.json"
        if sheet.exists():
            with suppress(ValueError, TypeError):  # else it is damaged, or of an older version
                yield Result(**json.loads(sheet.read_text(encoding="utf-8")))
                continue
        try:
            source = audio.read(trial.source.path)
            path = trial.reference.path if trial.reference else None
            more = tuple(recording.path for recording in trial.more)
            job = Job(source, audio.read(path) if path else None, path, config.language, config.refine, more)
            output, seconds = SYSTEMS[system](models, job)
            result = judge.measure(system, trial, source, output, seconds)
        except UserError as error:
            log.warning("%s, %s: left out: %s", system, trial.name, error)
            continue
        comment = "" if system == "recording" else audio.SYNTHETIC
        audio.write(sheet.with_suffix(".flac"), output, comment=comment)
        with audio.replacing(sheet) as temporary:
            temporary.write_text(json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        yield result


def machine() -> str:
    """What this runs on, in a few words."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
