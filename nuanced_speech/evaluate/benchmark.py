"""The benchmark: recordings through every system, in their own voice and in others, measured one by one.

Each result is a small JSON file beside its audio, so an interrupted run goes on where it stopped. ``summary.py`` makes
tables and plots of the results.
"""

import hashlib
import json
import logging
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.files import sha256
from nuanced_speech.core.progress import Progress
from nuanced_speech.evaluate import metrics
from nuanced_speech.evaluate.judge import Judge, Result
from nuanced_speech.evaluate.quality import Quality, quality
from nuanced_speech.evaluate.recordings import EvaluationRecording, find_recordings
from nuanced_speech.evaluate.systems import SYSTEMS, Models, SystemJob
from nuanced_speech.evaluate.trials import Trial, trials
from nuanced_speech.models.attentive_style_encoder import WEIGHTS as ATTENTIVE
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.content_adapter import WEIGHTS as ADAPTER
from nuanced_speech.models.decoder import KOKORO, Decoder, load_decoder
from nuanced_speech.models.phoneme_recognizer import WEIGHTS as RECOGNISER
from nuanced_speech.models.style_encoder import PACKAGED as ENCODER
from nuanced_speech.models.timbre_extension import WEIGHTS as EXTENSION
from nuanced_speech.models.timbre_surrogate import WEIGHTS as TIMBRE
from nuanced_speech.models.whisper import WhisperModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BenchmarkConfig:
    """Settings of a benchmark.

    Attributes:
        folder: recordings, see ``find_recordings``.
        out: folder for results.
        systems: names of ``SYSTEMS``.
        others: conversions of each speaker into other speakers' voices.
        limit: most recordings of each speaker that are converted in their own voice; all when None.
        refine: steps of the systems that refine.
        more_seconds: seconds of the target speaker's other recordings that these systems get. Outputs are not compared
            with those recordings.
        language: ISO 639-1 code of the recordings, detected when None.
        recipe: encoder that ``train_v2_multispeech.py`` made, for the system of that name.
        encoder: style encoder in place of the packaged one.
        adapter: content adapter in place of the packaged one.
        decoder: what makes the sound of all conversions: ``kokoro``, ``fast`` or a file, see ``load_decoder``.
    """

    folder: Path
    out: Path
    systems: tuple[str, ...] = ("recording", "direct", "text", "plain", "world")
    others: int = 2
    limit: int | None = None
    refine: int = 15
    more_seconds: float = 0.0
    language: str | None = None
    recipe: Path | None = None
    encoder: Path | None = None
    adapter: Path | None = None
    decoder: str = KOKORO


def run(
    config: BenchmarkConfig,
    listener: WhisperModel | None = None,
    progress: Progress | None = None,
    rate: Callable[[np.ndarray, int], Quality] = quality,
) -> list[Result]:
    """Run all trials that have no result yet; returns all results, those of earlier runs included.

    Recordings that cannot be converted are logged and left out.

    Args:
        config: settings.
        listener: Whisper model that transcribes sources and outputs; the base model when None.
        progress: called with the share of the trials that are done, 0 to 1.
        rate: predicts opinions of ``wave [T]`` at a sample rate.

    Raises:
        UserError: an unknown system, a missing package, a decoder that cannot be read, a folder with results of other
            settings, or what ``find_recordings`` says.
    """
    unknown = [name for name in config.systems if name not in SYSTEMS]
    if unknown or not config.systems:
        raise UserError(f"unknown system {unknown[0] if unknown else ''!r}: choose from {', '.join(SYSTEMS)}")
    if ("recipe" in config.systems) != (config.recipe is not None):
        raise UserError("recipe: the system 'recipe' and an encoder of train_v2_multispeech.py need each other")
    metrics.require_resemblyzer()
    if "world" in config.systems and find_spec("pyworld") is None:
        raise UserError("the system 'world' needs the extra 'evaluate': pip install 'nuanced-speech[evaluate]'")
    speakers = find_recordings(config.folder, but=config.out)
    converter = _converter(config, config.encoder)
    recipe = _converter(config, config.recipe) if config.recipe else None
    try:
        config.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{config.out}: cannot make this folder ({error.strerror})") from error
    _check_settings(config, speakers, converter.decoder)
    models, judge = Models(converter, recipe), Judge(speakers, listener or WhisperModel(), config.language, rate)
    every = trials(speakers, config.limit, config.others, config.more_seconds)
    # the source itself is the ceiling in its own voice, and the floor in another's
    only = {
        "recording": [trial for trial in every if trial.reference is None],
        "unconverted": [trial for trial in every if trial.reference is not None],
    }
    work = [(system, trial) for system in dict.fromkeys(config.systems) for trial in only.get(system, every)]
    results = []
    for number, (system, trial) in enumerate(work, 1):
        result = _result(system, trial, config, models, judge)
        if result is not None:
            results.append(result)
        if progress is not None:
            progress(number / len(work))
    return results


def _converter(config: BenchmarkConfig, encoder: Path | None) -> Converter:
    bank = ModelBank(encoder=encoder, adapter=config.adapter)
    return Converter(bank, decoder=load_decoder(config.decoder, bank))


def _check_settings(config: BenchmarkConfig, speakers: dict[str, list[EvaluationRecording]], decoder: Decoder) -> None:
    """Check that the folder has results of the same recordings, weights and language, or none."""
    names = [(r.name, r.text) for recordings in speakers.values() for r in recordings]
    weights = {"encoder": config.encoder or ENCODER, "adapter": config.adapter or ADAPTER}
    weights |= {"timbre": TIMBRE, "extension": EXTENSION, "attentive": ATTENTIVE, "recogniser": RECOGNISER}
    settings = {
        "recordings": hashlib.sha256(json.dumps(names).encode()).hexdigest(),
        "language": config.language,
        "refine": config.refine,
        "known": config.more_seconds,
        **{name: sha256([path]) for name, path in weights.items() if path.is_file()},
    }
    if decoder.digest != KOKORO:
        settings["decoder"] = decoder.digest
    sheet = config.out / "settings.json"
    if not sheet.is_file():
        with audio.replacing(sheet) as temporary:
            temporary.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    elif sheet.read_bytes() != (json.dumps(settings, indent=2) + "\n").encode():
        raise UserError(f"{config.out} holds results of other recordings, weights or settings: give another `out`")


def _result(system: str, trial: Trial, config: BenchmarkConfig, models: Models, judge: Judge) -> Result | None:
    """The result of an earlier run, or a new one; None where the recording cannot be converted."""
    sheet = config.out / f"{system}-{trial.name}.json"
    if sheet.exists():
        with suppress(
            ValueError, TypeError, RecursionError
        ):  # a damaged result, or one of an older version, is measured again
            return Result(**json.loads(sheet.read_text(encoding="utf-8")))
    try:
        source = audio.read(trial.source.path)
        path = trial.reference.path if trial.reference else None
        more = tuple(recording.path for recording in trial.more)
        job = SystemJob(source, audio.read(path) if path else None, path, config.language, config.refine, more)
        output, seconds = SYSTEMS[system](models, job)
        result = judge.measure(system, trial, source, output, seconds)
    except UserError as error:
        log.warning("%s, %s: left out: %s", system, trial.name, error)
        return None
    comment = "" if system in ("recording", "unconverted") else audio.SYNTHETIC
    audio.write(sheet.with_suffix(".flac"), output, comment=comment)
    with audio.replacing(sheet) as temporary:
        temporary.write_text(json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return result


def machine() -> str:
    """This machine in a few words."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
