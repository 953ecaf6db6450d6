"""A folder of recordings to a data set for speech synthesis, as LJSpeech lays it out.

    recording → decode → sounds and silences → clips → transcript → checks → wavs/ID.wav, metadata.csv, rejected.csv

Every recording is done by itself, and what came of it is kept in ``OUT/.prepare`` when all its clips are written. A run
that was interrupted goes on with the recordings that are missing there; tables and report are made of these files at
the end, in order of the recordings' names, so that nothing depends on how often a run was interrupted, or on how many
processes did it.
"""

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nuanced_speech import audio
from nuanced_speech.core.constants import WHISPER_SAMPLE_RATE
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import replacing
from nuanced_speech.models.whisper import Listener, Transcript
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.tts import ljspeech, quality_filters, transcripts
from nuanced_speech.tts.decode import decode
from nuanced_speech.tts.normalise import normalise
from nuanced_speech.tts.quality_filters import QualityLimits
from nuanced_speech.tts.split import Span, find_sounds, pad_clip, split_at_pauses
from nuanced_speech.tts.transcript_split import split_transcript
from nuanced_speech.tts.workers import parallel

STATE = ".prepare"
# Changes when the same recordings would give other clips, so that old and new are never mixed.
VERSION = 1
PEAK_DB = -1.0
_MAX_ID = 80


@dataclass(frozen=True)
class PrepareConfig:
    """What to prepare and how.

    Attributes:
        source: folder of recordings, searched to the bottom.
        out: folder of the data set.
        sample_rate: of the clips, Hz.
        pad: seconds of silence before and after each clip.
        loudness: of the clips, dBFS: the RMS level of what is speech (``audio.active_level_db``, gated as loudness
            meters do, without their weighting of frequencies). Clips stay quieter where their peak would exceed
            -1 dBFS.
        whisper: size of the Whisper model that transcribes.
        language: of the recordings, ISO 639-1; None lets Whisper find each recording's.
        check: compare transcripts that are given with what Whisper hears.
        workers: processes, of one thread each.
        limits: what clips must keep.
    """

    source: Path
    out: Path
    sample_rate: int = 22050
    pad: float = 0.5
    loudness: float = -23.0
    whisper: str = "base"
    language: str | None = None
    check: bool = False
    workers: int = 1
    limits: QualityLimits = field(default_factory=QualityLimits)


@dataclass
class Clip:
    """A clip that was kept.

    Attributes:
        id: its name.
        start, end: of its speech in the recording, seconds.
        seconds: of its file.
        text, normalised: what is said.
        language: ISO 639-1.
        phonemes: of the text; "" where the language has none here.
        rate: phonemes, else letters, a second.
    """

    id: str
    start: float
    end: float
    seconds: float
    text: str
    normalised: str
    language: str
    phonemes: str
    rate: float


@dataclass
class Rejection:
    """A stretch that was set aside, in seconds of its recording (all of it where None), and why."""

    start: float | None
    end: float | None
    reason: str


@dataclass
class Outcome:
    """What came of one file."""

    file: str
    fingerprint: str
    clips: list[Clip] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> "Outcome | None":
        """What ``save`` wrote; None where there is nothing that can be read."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            kept, rejected = ([kind(**row) for row in values.pop(key)] for kind, key in _PARTS)
            return cls(**values, clips=kept, rejected=rejected)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


_PARTS: tuple[tuple[Any, str], ...] = ((Clip, "clips"), (Rejection, "rejected"))


@dataclass(frozen=True)
class Job:
    """A file, the beginning of its clips' names, its transcript where there is one, and what it must not change."""

    path: Path
    prefix: str
    text: str | None
    fingerprint: str


def prepare(config: PrepareConfig, progress: Callable[[float], None] = lambda share: None) -> tuple[list[Outcome], int]:
    """Make a data set, or go on with it: what came of all files, in order, and how many were done in this run.

    Raises:
        UserError: no folder of recordings or nothing in it; the other folder holds something else, or was made with
            other settings; an unknown model or language; a folder that cannot be written.
    """
    _check(config)
    paths, unreadable = _files(config)
    known = transcripts.find(paths)
    recordings = [path for path in paths if path not in known.sources]
    if not recordings and not unreadable:
        raise UserError(f"{config.source}: no files in it; put recordings there")
    state = config.out / STATE
    _begin(config, state)
    jobs = _jobs(config.source, recordings, known.texts)
    done = {job.path: _finished(config.out, job) for job in jobs}
    waiting = [job for job in jobs if done[job.path] is None]
    stale = {path.stem for path in (state / "files").glob("*.json")} - {job.prefix for job in jobs}
    complete = state / "complete"
    if waiting or stale:
        complete.unlink(missing_ok=True)
    for prefix in sorted(stale | {job.prefix for job in waiting}):
        _remove(config.out, prefix)
    sizes = [max(job.path.stat().st_size, 1) if job.path.is_file() else 1 for job in waiting]
    results = parallel(Preparer, config, waiting, sizes, config.workers, progress)
    for job, outcome in results:
        outcome.save(_state_path(config.out, job))
        done[job.path] = outcome
    outcomes = [outcome for job in jobs if (outcome := done[job.path])]
    outcomes += [Outcome(_shown(path, config.source), "", [], [Rejection(None, None, why)]) for path, why in unreadable]
    if not complete.is_file():
        from nuanced_speech.tts.prepare_report import write

        write(config, outcomes)
        with replacing(complete) as temporary:
            temporary.write_text("")
    return outcomes, len(waiting)


class Preparer:
    """Does one recording after the other; loads Whisper when first needed."""

    def __init__(self, config: PrepareConfig) -> None:
        self.config = config
        self.longest = config.limits.max_seconds - 2 * config.pad

    @property
    def listener(self) -> Listener:
        return _listener(self.config.whisper)

    def __call__(self, job: Job, progress: Callable[[float], None]) -> Outcome:
        """Write the clips of a recording.

        Args:
            job: the recording.
            progress: told the share that is done.
        """
        outcome = Outcome(_shown(job.path, self.config.source), job.fingerprint)
        try:
            wave, full_scale, outcome.notes = decode(job.path, self.config.sample_rate)
        except UserError as error:
            outcome.rejected.append(Rejection(None, None, f"unreadable: {_without_path(str(error), job.path)}"))
            return outcome
        outcome.notes = [_without_path(note, job.path) for note in outcome.notes]
        found = find_sounds(wave, self.config.sample_rate)
        if not found:
            outcome.rejected.append(Rejection(None, None, "silent: no speech found"))
            return outcome
        self._clips(job, wave, full_scale, found, outcome, progress)
        return outcome

    def _clips(
        self,
        job: Job,
        wave: np.ndarray,
        full_scale: float,
        found: list[Span],
        outcome: Outcome,
        progress: Callable[[float], None],
    ) -> None:
        whole = Span(found[0].start, found[-1].end)
        if job.text and whole.seconds <= self.longest:
            spans = [whole]
        else:
            spans = split_at_pauses(wave, self.config.sample_rate, self.config.limits.min_seconds, self.longest)
        shared = bool(job.text) and len(spans) > 1
        heard: dict[int, Transcript] = {}
        reasons: list[str | None] = []
        language = self.config.language
        for number, span in enumerate(spans):
            reason = self._complaint(wave, full_scale, span)
            # a clip that cannot be kept has words of a shared transcript all the same
            if shared or (reason is None and (self.config.check or not job.text)):
                language = language or self._language(wave, whole)
                clip = self._levelled(wave, span)
                clip = audio.resample(clip, self.config.sample_rate, WHISPER_SAMPLE_RATE)
                heard[number] = self.listener.transcribe(clip, language)
            reasons.append(reason)
            progress((number + 1) / len(spans))
        texts: list[str | None] = (
            [job.text] if job.text else [heard[k].text if k in heard else None for k in range(len(spans))]
        )
        if shared:
            assert job.text and language
            texts = split_transcript(job.text, [heard[k].text for k in range(len(spans))], language)
        for number, (span, reason, text) in enumerate(zip(spans, reasons, texts, strict=True)):
            if reason is None and text is None:
                reason = "transcript cannot be cut here: its words around this clip are not what Whisper hears"
            if reason is None and number in heard:
                if job.text:
                    reason = quality_filters.transcript_mismatch(str(text), heard[number], self.config.limits)
                else:
                    reason = quality_filters.confidence_problem(heard[number], self.config.limits)
            if reason is None:
                language = language or self._language(wave, whole)
                reason = self._keep(f"{job.prefix}-{number + 1:04d}", wave, span, str(text), language, outcome)
            if reason is not None:
                outcome.rejected.append(Rejection(round(span.start, 3), round(span.end, 3), reason))

    def _complaint(self, wave: np.ndarray, full_scale: float, span: Span) -> str | None:
        rate, limits = self.config.sample_rate, self.config.limits
        inner = wave[round(span.start * rate) : round(span.end * rate)] / np.float32(full_scale)
        return quality_filters.length_problem(span, self.longest, limits) or quality_filters.sound_problem(
            inner, rate, limits
        )

    def _language(self, wave: np.ndarray, whole: Span) -> str:
        rate = self.config.sample_rate
        start = round(whole.start * rate)
        return self.listener.language(audio.resample(wave[start : start + 30 * rate], rate, WHISPER_SAMPLE_RATE))

    def _levelled(self, wave: np.ndarray, span: Span) -> np.ndarray:
        """The clip with its silence, at the wanted loudness."""
        clip = pad_clip(wave, self.config.sample_rate, span, self.config.pad)
        gain_db = self.config.loudness - audio.active_level_db(clip, self.config.sample_rate)
        peak_db = 20 * np.log10(max(float(np.abs(clip).max()), 1e-5))
        return clip * np.float32(10 ** (min(gain_db, PEAK_DB - peak_db) / 20))

    def _keep(self, name: str, wave: np.ndarray, span: Span, text: str, language: str, outcome: Outcome) -> str | None:
        """Write a clip, or say why not."""
        text = ljspeech.one_line(text)
        normalised = ljspeech.one_line(normalise(text, language))
        phonemes = _phonemes(normalised, language)
        letters = sum(c.isalpha() for c in phonemes or normalised)
        if letters == 0:
            return "no words: its transcript has none"
        rate = letters / span.seconds
        reason = quality_filters.rate_problem(rate, "phonemes" if phonemes else "letters", self.config.limits)
        if reason:
            return reason
        clip = self._levelled(wave, span)
        audio.write(ljspeech.wav_path(self.config.out, name), clip, self.config.sample_rate, comment="")
        seconds = len(clip) / self.config.sample_rate
        start, end = round(span.start, 3), round(span.end, 3)
        outcome.clips.append(
            Clip(name, start, end, round(seconds, 3), text, normalised, language, phonemes, round(rate, 2))
        )
        return None


@lru_cache(maxsize=1)
def _listener(name: str) -> Listener:
    return Listener(name)


def _phonemes(text: str, language: str) -> str:
    try:
        return phonemize(text, language)
    except UserError:
        return ""


def _check(config: PrepareConfig) -> None:
    if not config.source.is_dir():
        raise UserError(f"{config.source}: no such folder of recordings")
    if config.source.resolve() == config.out.resolve():
        raise UserError(f"{config.out}: the data set needs a folder of its own, other than that of the recordings")
    if config.limits.max_seconds - 2 * config.pad <= config.limits.min_seconds:
        raise UserError(
            f"clips of {config.limits.min_seconds:g} to {config.limits.max_seconds:g} s leave no room for "
            f"{config.pad:g} s of silence on both sides; choose a smaller --pad or a larger --max-seconds"
        )
    if config.limits.max_seconds > 28:
        raise UserError("--max-seconds: at most 28; Whisper hears no more at a time")
    from nuanced_speech.models.whisper import check_language
    from nuanced_speech.weights.catalog import canonical

    canonical(f"whisper-{config.whisper}")
    if config.language is not None:
        check_language(config.language)
        if config.whisper.endswith(".en") and config.language != "en":
            raise UserError(f"--whisper {config.whisper} knows English only: choose one without .en")


def _begin(config: PrepareConfig, state: Path) -> None:
    """Make the folders, or see that they are of a run like this one.

    Raises:
        UserError: they are not, or cannot be made.
    """
    settings = {key: value for key, value in asdict(config).items() if key not in ("out", "workers", "limits")}
    settings = {"version": VERSION} | settings | asdict(config.limits) | {"source": str(config.source.resolve())}
    wanted = json.loads(json.dumps(settings))
    path = state / "settings.json"
    if path.is_file():
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: damaged; remove {config.out} and prepare afresh") from error
        changed = [
            f"{key} was {saved.get(key)}, now {value}" for key, value in wanted.items() if saved.get(key) != value
        ]
        if changed:
            raise UserError(
                f"{config.out} was prepared with other settings: {'; '.join(changed)}; restore them or name another "
                "folder"
            )
    elif any((config.out / name).exists() for name in (ljspeech.METADATA, ljspeech.WAVS)):
        raise UserError(f"{config.out} holds another data set already; name a folder that is new or empty")
    try:
        (state / "files").mkdir(parents=True, exist_ok=True)
        (config.out / ljspeech.WAVS).mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"{config.out}: cannot make this folder ({error.strerror})") from error
    for folder in (config.out / ljspeech.WAVS, state / "files", state, config.out):
        # what a killed run was writing
        for path_left in folder.glob(".nuanced-speech-*"):
            path_left.unlink(missing_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(wanted, indent=1), encoding="utf-8")


def _files(config: PrepareConfig) -> tuple[list[Path], list[tuple[Path, str]]]:
    """All files below the source but hidden ones and the data set itself; folders that cannot be read, and why."""
    found: list[Path] = []
    failed: list[tuple[Path, str]] = []

    def note(error: OSError) -> None:
        failed.append((Path(error.filename), f"folder cannot be read: {error.strerror}"))

    out = config.out.resolve()
    for folder, below, names in os.walk(config.source, onerror=note):
        below[:] = sorted(name for name in below if name[0] != "." and (Path(folder) / name).resolve() != out)
        found += [Path(folder) / name for name in names if name[0] != "."]
    return sorted(found), sorted(failed)


def _jobs(source: Path, paths: list[Path], texts: dict[Path, str]) -> list[Job]:
    """Files with names for their clips: safe in every file system, and different even where case does not count."""
    slugs = [_slug(path.relative_to(source)) for path in paths]
    seen: dict[str, int] = {}
    for slug in slugs:
        seen[slug.lower()] = seen.get(slug.lower(), 0) + 1
    jobs = []
    for path, slug in zip(paths, slugs, strict=True):
        name = os.fsencode(path.relative_to(source))
        if seen[slug.lower()] > 1 or len(slug) > _MAX_ID or not slug:
            slug = f"{slug[:_MAX_ID]}-{hashlib.sha256(name).hexdigest()[:8]}".lstrip("-")
        text = texts.get(path)
        content = hashlib.sha256(name + b"\0" + (text or "").encode("utf-8", "surrogatepass") + b"\0")
        content.update(_content(path))
        jobs.append(Job(path, slug, text, content.hexdigest()))
    return jobs


def _slug(name: Path) -> str:
    plain = unicodedata.normalize("NFKD", os.fspath(name.with_suffix(""))).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-")


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.digest()
    except OSError:
        return b""


def _state_path(out: Path, job: Job) -> Path:
    return out / STATE / "files" / f"{job.prefix}.json"


def _finished(out: Path, job: Job) -> Outcome | None:
    """What came of a file in an earlier run, if that still holds."""
    outcome = Outcome.load(_state_path(out, job))
    if outcome is None or outcome.fingerprint != job.fingerprint:
        return None
    return outcome if all(ljspeech.wav_path(out, clip.id).is_file() for clip in outcome.clips) else None


def _remove(out: Path, prefix: str) -> None:
    """What an earlier run made of a file."""
    (out / STATE / "files" / f"{prefix}.json").unlink(missing_ok=True)
    for path in (out / ljspeech.WAVS).glob(f"{prefix}-*.wav"):
        if re.fullmatch(r"\d{4,}", path.stem.removeprefix(f"{prefix}-")):
            path.unlink()


def _shown(path: Path, source: Path) -> str:
    """The name of a file in tables: with / on every system, and UTF-8 whatever its bytes are."""
    return os.fsencode(path.relative_to(source).as_posix()).decode("utf-8", "replace")


def _without_path(message: str, path: Path) -> str:
    return message.removeprefix(str(path)).lstrip(": ")
