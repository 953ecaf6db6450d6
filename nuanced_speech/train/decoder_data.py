"""Training data of the fast decoder: what a decoder is given, and the sound that it should make.

Kokoro's own speech (a corpus of ``train corpus``) has exact content, curves and style. Real recordings have what the
conversion's own analysis measures. Both are written as the same shards; each item has its content twice, once as it
is and once as the content adapter gives it of a disturbed recording: another formant and pitch scale, a room, a line.
A decoder that is trained on both takes the timbre from the speaker and not from the content.
"""

import json
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.analysis.analyzer import Analyzer
from nuanced_speech.analysis.prepared_segment import to_16k
from nuanced_speech.core.constants import (
    FEATURE_FRAMES_PER_UNIT,
    SAMPLE_RATE,
    SAMPLES_PER_UNIT,
    SPEAKER_DIM,
    STYLE_DIM,
    WHISPER_SAMPLE_RATE,
)
from nuanced_speech.core.errors import ContentError, UserError, reading
from nuanced_speech.core.files import replacing
from nuanced_speech.core.progress import step_bar
from nuanced_speech.core.reading import read_object
from nuanced_speech.models.bank import ModelBank
from nuanced_speech.models.content_adapter import WEIGHTS
from nuanced_speech.models.kokoro import spread
from nuanced_speech.models.phoneme_recognizer import with_silence
from nuanced_speech.train.augment import augment
from nuanced_speech.train.configs import DecoderDataConfig
from nuanced_speech.train.corpus import pack_audio, read_shard, shards_in
from nuanced_speech.train.shards import SETTINGS, files_setting, keep_settings, recordings_setting

log = logging.getLogger(__name__)
FIELDS = ("audio", "content", "disturbed", "f0", "energy", "style", "speaker")
KIND, REMEDY = "a shard of decoder data", "remove it and prepare it again"
LEAST_UNITS = 40
"""Shorter segments are left out: no crop fits in them."""
LARGEST_SHIFT = 0.22
"""Natural logarithm of the largest change of formants and pitch by a disturbance: about a man's and a woman's."""


@dataclass(frozen=True)
class DecoderItem:
    """One stretch of speech of ``T`` units of 25 ms.

    Attributes:
        audio: ``[600 * T]`` at 24 kHz, at the level of Kokoro's own speech.
        content: text features ``[512, T]``.
        disturbed: the same, of the disturbed recording, as the content adapter gives them, ``[512, T]``.
        f0: Hz ``[2T]``, about 0 where unvoiced.
        energy: log energy N ``[2T]``.
        style: ``[256]``.
        speaker: speaker embedding ``[256]``; NaN where it is unknown.
        name: name of the speaker.
        bandwidth: Hz up to which the recording says something.
        spoken: Kokoro spoke it.
    """

    audio: Tensor
    content: Tensor
    disturbed: Tensor
    f0: Tensor
    energy: Tensor
    style: Tensor
    speaker: Tensor
    name: str
    bandwidth: float
    spoken: bool


def prepare(config: DecoderDataConfig, models: ModelBank | None = None) -> None:
    """Write all shards that are not there yet, with a progress bar: those of a corpus that grew, or of another folder.

    Raises:
        UserError: a folder holds neither a corpus nor recordings; or its shards were made of another corpus, of other
            recordings or with other settings.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    models = models or ModelBank()
    for folder in config.spoken:
        part = f"spoken-{folder.name}"
        shards = f"{escape(part)}-shard-*.safetensors"
        keep_settings(config.out, corpus_settings(folder, models), shards, part=part)
        jobs = [(config.out / f"{part}-{path.stem}.safetensors", path) for path in shards_in(folder)]
        for target, path in step_bar([job for job in jobs if not job[0].exists()], f"corpus {folder.name}"):
            write(list(_spoken(models, path)), target)
    for folder in config.recordings:
        paths = audio.recordings_in(folder)
        if not paths:
            raise UserError(f"{folder}: no recordings there")
        part = f"real-{folder.name}"
        settings = recordings_settings(paths, folder, config.per_shard, models)
        keep_settings(config.out, settings, f"{escape(part)}-{'[0-9]' * 5}.safetensors", part=part)
        groups = [paths[k : k + config.per_shard] for k in range(0, len(paths), config.per_shard)]
        missing = [
            (target, group)
            for k, group in enumerate(groups)
            if not (target := config.out / f"{part}-{k:05d}.safetensors").exists()
        ]
        for target, group in step_bar(missing, f"recordings {folder.name}"):
            write([item for path in group for item in _recorded(models, path, folder)], target)


def corpus_settings(folder: Path, models: ModelBank) -> dict[str, str]:
    """What shapes the shards of a corpus: its own settings, since it may grow, and the content adapter."""
    path = folder / SETTINGS
    own = read_object(path, "the settings of a corpus", f"remove {folder} and make it again") if path.exists() else {}
    return {f"corpus {name}": str(value) for name, value in own.items()} | _adapter_setting(models)


def recordings_settings(paths: list[Path], folder: Path, per_shard: int, models: ModelBank) -> dict[str, str]:
    """What shapes the shards of a folder's recordings: which these are, how they are divided, the content adapter."""
    return {"recordings": recordings_setting(paths, folder), "per_shard": str(per_shard)} | _adapter_setting(models)


def _adapter_setting(models: ModelBank) -> dict[str, str]:
    return {"adapter": files_setting([models.adapter or WEIGHTS])}


def speaker_name(path: Path, folder: Path) -> str:
    """The speaker of a recording: the folder below ``folder`` that it lies in, else its name up to the first ``-``."""
    inner = path.relative_to(folder).parts
    return f"{folder.name}/{inner[0] if len(inner) > 1 else path.stem.partition('-')[0]}"


@torch.no_grad()
def _spoken(models: ModelBank, shard: Path) -> Iterator[DecoderItem]:
    """The items of one shard of a corpus."""
    for k, utterance in enumerate(read_shard(shard)):
        content = spread(models.kokoro.encode_content(utterance.ids)[None], utterance.durations[None])[0]
        wave = utterance.audio.numpy()
        embedding = models.speaker_encoder.embed(wave, SAMPLE_RATE)
        yield DecoderItem(
            utterance.audio,
            content,
            disturbed_content(models, to_16k(wave), content.shape[1], np.random.default_rng([k, len(wave)])),
            utterance.f0,
            utterance.energy,
            utterance.style,
            _or_unknown(embedding),
            f"{shard.parent.name}/{shard.stem}/{k}",
            SAMPLE_RATE / 2,
            spoken=True,
        )


@torch.no_grad()
def _recorded(models: ModelBank, path: Path, folder: Path) -> Iterator[DecoderItem]:
    """The items of one recording: its segments, analysed."""
    try:
        recording, rate = audio.read(path), audio.sample_rate(path)
        features = Analyzer(models)(recording)
    except UserError as error:
        log.warning("%s left out: %s", path.name, error)
        return
    bandwidth = min(rate, SAMPLE_RATE) / 2
    for number, segment in enumerate(features):
        if segment.units < LEAST_UNITS or not np.isfinite(segment.speaker).all():
            continue
        wave = segment.wave
        rng = np.random.default_rng([number, len(wave)])
        yield DecoderItem(
            torch.from_numpy(wave),
            segment.content.float(),
            disturbed_content(models, to_16k(wave), segment.units, rng),
            torch.from_numpy(segment.f0),
            torch.from_numpy(segment.energy),
            segment.style.vector[:STYLE_DIM].float(),
            _or_unknown(segment.speaker),
            speaker_name(path, folder),
            bandwidth,
            spoken=False,
        )


def disturbed_content(models: ModelBank, wave: np.ndarray, units: int, rng: np.random.Generator) -> Tensor:
    """Content ``[512, units]`` of a disturbed ``wave [T]`` at 16 kHz.

    The waveform is resampled, which scales formants, pitch and time, and goes through a room and a line; the content
    is then brought back to the time of the original (speed perturbation, Ko et al. 2015).
    """
    scale = float(np.exp(rng.uniform(-LARGEST_SHIFT, LARGEST_SHIFT)))
    changed = audio.resample(wave, round(WHISPER_SAMPLE_RATE * scale), WHISPER_SAMPLE_RATE)
    if rng.random() < 0.5:
        changed = augment(changed, WHISPER_SAMPLE_RATE, rng)
    length = max(round(units / scale), 1)
    listener, adapter = models.feature_extractor, models.content_adapter
    features = listener.features(with_silence(changed), (adapter.config.layer,))
    features = features[: math.ceil(length * FEATURE_FRAMES_PER_UNIT)]
    content = adapter(features[None], torch.tensor([length], device=models.device)).content.cpu()
    return F.interpolate(content, units, mode="linear", align_corners=False)[0]


def _or_unknown(embedding: np.ndarray | None) -> Tensor:
    return torch.full((SPEAKER_DIM,), float("nan")) if embedding is None else torch.from_numpy(embedding)


def write(items: list[DecoderItem], path: Path) -> None:
    """Write items as one shard, whole or not at all."""
    tensors: dict[str, Tensor] = {}
    for k, item in enumerate(items):
        tensors[f"{k}.audio"] = pack_audio(item.audio)
        for field in FIELDS[1:]:
            value = getattr(item, field)
            tensors[f"{k}.{field}"] = (value.half() if field in ("content", "disturbed") else value).contiguous()
    about = [{"name": item.name, "bandwidth": item.bandwidth, "spoken": item.spoken} for item in items]
    with replacing(path) as temporary:
        save_file(tensors, temporary, {"items": json.dumps(about)})


def read(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> list[DecoderItem]:
    """The items of one shard, of speakers whose name is wanted.

    Raises:
        UserError: the file cannot be read as such a shard.
    """
    with reading(path, KIND, REMEDY), safe_open(path, "pt") as shard:
        items = []
        for k, values in enumerate(json.loads(shard.metadata()["items"])):
            if wanted(values["name"]):
                tensors = {field: shard.get_tensor(f"{k}.{field}") for field in FIELDS}
                if len(tensors["audio"]) != SAMPLES_PER_UNIT * tensors["content"].shape[1]:
                    raise ContentError("audio and content of different lengths")
                items.append(DecoderItem(**tensors, **values))
    return items


def names_in(path: Path) -> set[str]:
    """The speakers of one shard.

    Raises:
        UserError: as ``read``.
    """
    with reading(path, KIND, REMEDY), safe_open(path, "pt") as shard:
        return {values["name"] for values in json.loads(shard.metadata()["items"])}
