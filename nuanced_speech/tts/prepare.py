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
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from nuanced_speech.audio.lengths import announced_lengths
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import check_room, replacing
from nuanced_speech.core.reading import read_object
from nuanced_speech.tts import ljspeech, transcripts
from nuanced_speech.tts.clips import ClipJob, ClipOutcome, PrepareConfig, Rejection
from nuanced_speech.tts.prepare_report import write
from nuanced_speech.tts.preparer import Preparer, shown
from nuanced_speech.tts.workers import parallel

STATE = ".prepare"
# Changes when the same recordings would give other clips, so that old and new are never mixed.
VERSION = 2
_MAX_ID = 80
BYTES_PER_SAMPLE = 2


def prepare(
    config: PrepareConfig, progress: Callable[[float], None] = lambda share: None
) -> tuple[list[ClipOutcome], int]:
    """Make a data set, or go on with it: what came of all files, in order, and how many were done in this run.

    Raises:
        UserError: no folder of recordings or nothing in it; the other folder holds something else, or was made with
            other settings; an unknown model or language, or no weights; a folder that cannot be written; a disk without
            room.
    """
    _check(config)
    paths, unreadable = _files(config)
    texts = transcripts.find(paths)
    recordings = [path for path in paths if path not in texts.sources]
    if not recordings and not unreadable:
        raise UserError(f"{config.source}: no files in it; put recordings there")
    state = config.out / STATE
    _begin(config, state)
    jobs = _jobs(config.source, recordings, texts.texts)
    done = {job.path: _finished(config.out, job) for job in jobs}
    waiting = [job for job in jobs if done[job.path] is None]
    stale = {path.stem for path in (state / "files").glob("*.json")} - {job.prefix for job in jobs}
    complete = state / "complete"
    if waiting or stale:
        complete.unlink(missing_ok=True)
    for prefix in sorted(stale | {job.prefix for job in waiting}):
        _remove(config.out, prefix)
    check_disk(config, [job.path for job in waiting])
    sizes = [max(job.path.stat().st_size, 1) if job.path.is_file() else 1 for job in waiting]
    results = parallel(Preparer, config, waiting, sizes, config.workers, progress)
    for job, outcome in results:
        outcome.save(_state_path(config.out, job))
        done[job.path] = outcome
    outcomes = [outcome for job in jobs if (outcome := done[job.path])]
    outcomes += [
        ClipOutcome(shown(path, config.source), "", [], [Rejection(None, None, why)]) for path, why in unreadable
    ]
    if not complete.is_file():
        write(config, outcomes)
        with replacing(complete) as temporary:
            temporary.write_text("")
    return outcomes, len(waiting)


def check_disk(config: PrepareConfig, recordings: Sequence[Path]) -> None:
    """Check that the disk has room for the clips of recordings, by the lengths that these announce.

    Raises:
        UserError: it has not.
    """
    check_room(config.out, round(announced_lengths(recordings).total * config.sample_rate * BYTES_PER_SAMPLE))


def _check(config: PrepareConfig) -> None:
    if not config.source.is_dir():
        raise UserError(f"{config.source}: no such folder of recordings")
    if config.source.resolve() == config.out.resolve():
        raise UserError(f"{config.out}: the data set needs a folder of its own, other than that of the recordings")
    if config.limits.max_seconds - 2 * config.pad <= config.limits.min_seconds:
        raise UserError(
            f"clips of {config.limits.min_seconds:g} to {config.limits.max_seconds:g} s leave no room for "
            f"{config.pad:g} s of silence on both sides; choose a smaller pad or a larger max_seconds"
        )
    if config.limits.max_seconds > 28:
        raise UserError("max_seconds: at most 28; Whisper takes no more at a time")
    from nuanced_speech.models.whisper import check_language, check_size, fetch

    check_size(config.whisper)
    if config.language is not None:
        check_language(config.language)
        if config.whisper.endswith(".en") and config.language != "en":
            raise UserError(f"whisper {config.whisper} knows English only: choose one without .en")
    fetch(config.whisper)


def _begin(config: PrepareConfig, state: Path) -> None:
    """Make the folders, or see that they are of a run like this one.

    Raises:
        UserError: they are not, or cannot be made.
    """
    settings = {key: value for key, value in asdict(config).items() if key not in ("out", "workers", "limits")}
    settings = {"version": VERSION} | settings | asdict(config.limits) | {"source": str(config.source.resolve())}
    present = json.loads(json.dumps(settings))
    path = state / "settings.json"
    if path.is_file():
        saved = read_object(path, "settings of a data set", f"remove {config.out} and prepare afresh")
        changed = [
            f"{key} was {saved.get(key)}, now {value}" for key, value in present.items() if saved.get(key) != value
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
        temporary.write_text(json.dumps(present, indent=1), encoding="utf-8")


def _files(config: PrepareConfig) -> tuple[list[Path], list[tuple[Path, str]]]:
    """All files below the source but hidden ones and the data set itself; folders that cannot be read, and why."""
    paths: list[Path] = []
    failed: list[tuple[Path, str]] = []

    def note(error: OSError) -> None:
        failed.append((Path(error.filename), f"folder cannot be read: {error.strerror}"))

    out = config.out.resolve()
    for folder, below, names in os.walk(config.source, onerror=note):
        below[:] = sorted(name for name in below if name[0] != "." and (Path(folder) / name).resolve() != out)
        paths += [Path(folder) / name for name in names if name[0] != "."]
    return sorted(paths), sorted(failed)


def _jobs(source: Path, paths: list[Path], texts: dict[Path, str]) -> list[ClipJob]:
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
        jobs.append(ClipJob(path, slug, text, content.hexdigest()))
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


def _state_path(out: Path, job: ClipJob) -> Path:
    return out / STATE / "files" / f"{job.prefix}.json"


def _finished(out: Path, job: ClipJob) -> ClipOutcome | None:
    """What came of a file in an earlier run, if that still holds."""
    outcome = ClipOutcome.load(_state_path(out, job))
    if outcome is None or outcome.fingerprint != job.fingerprint:
        return None
    return outcome if all(ljspeech.wav_path(out, clip.id).is_file() for clip in outcome.clips) else None


def _remove(out: Path, prefix: str) -> None:
    """What an earlier run made of a file."""
    (out / STATE / "files" / f"{prefix}.json").unlink(missing_ok=True)
    for path in (out / ljspeech.WAVS).glob(f"{prefix}-*.wav"):
        if re.fullmatch(r"\d{4,}", path.stem.removeprefix(f"{prefix}-")):
            path.unlink()
