"""Real recordings as training data for the content adapter: transcribed, aligned, and labelled with Kokoro's own text
features.

An adapter trained on Kokoro's speech alone knows only Kokoro's voice. Its phoneme head is good enough to align what
Whisper transcribed, and text features spread over that alignment are what the decoder needs for that recording.
The result has the same shards as a corpus, without a known style and without curves (zeros).
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.analysis.speech_gate import SpeechGate, speech_in
from nuanced_speech.audio.resampling import to_16k
from nuanced_speech.core.constants import FRAMES_PER_UNIT, MAX_PHONEMES, SAMPLES_PER_UNIT, STYLE_DIM
from nuanced_speech.core.errors import NoSpeechError, UserError
from nuanced_speech.core.progress import step_bar
from nuanced_speech.dsp.alignment import MIN_FIT
from nuanced_speech.models.content_adapter import WEIGHTS, ContentAdapter, align_content
from nuanced_speech.models.kokoro import Kokoro
from nuanced_speech.models.whisper import WhisperModel
from nuanced_speech.text.g2p import phonemize
from nuanced_speech.train.corpus import pack_audio, write_shard
from nuanced_speech.train.shards import files_setting, keep_settings, recordings_setting

log = logging.getLogger(__name__)
# Of longer recordings only the beginning is used: Whisper's encoder and Kokoro's context hold no more.
MAX_SECONDS = 20.0
# What the gate looks at of a longer one, to find so much speech in it.
GATED_SECONDS = 4 * MAX_SECONDS


@dataclass(frozen=True)
class RealConfig:
    """Which recordings, where to, with which adapter they are aligned (None: the packaged one), and their language."""

    recordings: Path
    out: Path
    adapter: Path | None = None
    language: str = "en"
    per_shard: int = 25
    min_log_probability: float = MIN_FIT


def prepare(config: RealConfig) -> None:
    """Label every recording below a folder; shards that are there already are kept.

    Recordings whose transcript does not fit (mean log probability of the alignment below the limit) are left out.

    Raises:
        UserError: no recording in the folder, or the shards that are there were made with other settings.
    """
    paths = audio.recordings_in(config.recordings)
    if not paths:
        raise UserError(
            f"{config.recordings}: no recordings there (looked for {', '.join(sorted(audio.SEARCHED_SUFFIXES))})"
        )
    config.out.mkdir(parents=True, exist_ok=True)
    adapter = ContentAdapter.load(config.adapter) if config.adapter else ContentAdapter.load()
    keep_settings(config.out, settings(config, paths), "shard-*.safetensors", unnamed={"language": "en"})
    listener, kokoro = WhisperModel(adapter.config.whisper), Kokoro()
    groups = [paths[k : k + config.per_shard] for k in range(0, len(paths), config.per_shard)]
    for number, group in enumerate(step_bar(groups, "aligning")):
        target = config.out / f"shard-{number:05d}.safetensors"
        if target.exists():
            continue
        tensors: dict[str, Tensor] = {}
        count = 0
        for path in group:
            labelled = label(path, listener, adapter, kokoro, config)
            if labelled is None:
                continue
            wave, ids, durations = labelled
            units = int(durations.sum())
            loud = audio.resample(wave, audio.WHISPER_SAMPLE_RATE, audio.SAMPLE_RATE)[: units * SAMPLES_PER_UNIT]
            loud = np.pad(loud, (0, units * SAMPLES_PER_UNIT - len(loud)))
            tensors[f"{count}.audio"] = pack_audio(torch.from_numpy(loud))
            tensors[f"{count}.ids"], tensors[f"{count}.durations"] = ids.to(torch.int16), durations.to(torch.int16)
            for curve in ("f0", "energy"):
                tensors[f"{count}.{curve}"] = torch.zeros(units * FRAMES_PER_UNIT)
            tensors[f"{count}.style"] = torch.zeros(STYLE_DIM)
            count += 1
        write_shard(tensors, target)


def settings(config: RealConfig, paths: list[Path]) -> dict[str, str]:
    """All that shapes a shard. Recordings are known by their names and sizes."""
    return {
        "recordings": recordings_setting(paths, config.recordings),
        "adapter": files_setting([config.adapter or WEIGHTS]),
        "language": config.language,
        "per_shard": str(config.per_shard),
        "min_log_probability": str(config.min_log_probability),
    }


def speech_of(wave: np.ndarray, listener: WhisperModel, gate: SpeechGate, language: str) -> np.ndarray:
    """What is speech in ``wave [T]`` at 16 kHz; as it was where nothing else is in it.

    Raises:
        NoSpeechError: there is none.
    """
    whole = audio.resample(wave, audio.WHISPER_SAMPLE_RATE, audio.SAMPLE_RATE)
    gated = speech_in(whole, gate, lambda loud: listener.transcribe(to_16k(loud), language))
    if not gated.has_speech:
        raise NoSpeechError("there is no speech in it")
    return to_16k(gated.wave) if gated.gaps else wave


def label(
    path: Path,
    listener: WhisperModel,
    adapter: ContentAdapter,
    kokoro: Kokoro,
    config: RealConfig,
    gate: SpeechGate = SpeechGate(),
) -> tuple[np.ndarray, Tensor, Tensor] | None:
    """One recording: the speech in it at 16 kHz, token ids and durations; None where the transcript does not fit."""
    try:
        rate = audio.WHISPER_SAMPLE_RATE
        wave = audio.read(path, rate)[: int(GATED_SECONDS * rate)]
        wave = speech_of(wave, listener, gate, config.language)[: int(MAX_SECONDS * rate)]
        text = listener.transcribe(wave, language=config.language).text
        phonemes = phonemize(text, config.language)[:MAX_PHONEMES]
        features = listener.features(wave, (adapter.config.layer,))
        ids = kokoro.tokens(phonemes)
        durations, fit = align_content(adapter, features, ids, len(wave) / audio.WHISPER_SAMPLE_RATE)
    except UserError as error:
        log.warning("%s left out: %s", path.name, error)
        return None
    if fit < config.min_log_probability:
        log.warning("%s left out: its transcript fits badly (%.2f)", path.name, fit)
        return None
    return wave, ids, durations
