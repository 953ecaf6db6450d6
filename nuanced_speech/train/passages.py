"""Passages of real speech that Kokoro speaks again: the training data of the timbre extension.

Every recording, as it is, slower and faster (other speakers, Ko et al. 2015), is analysed once into phonemes and their
durations, melody, loudness, timbre and speaker embedding, and kept.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from nuanced_speech import audio
from nuanced_speech.audio.level import gain_of
from nuanced_speech.core.constants import ENERGY_OFFSET, FRAMES_PER_UNIT, SAMPLES_PER_UNIT
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import step_bar
from nuanced_speech.core.tensor_files import read_tensors
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.f0 import f0 as track_f0
from nuanced_speech.dsp.pitch import median_log_f0
from nuanced_speech.models.kokoro import Kokoro, spread
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.models.timbre_surrogate import TimbreSurrogate
from nuanced_speech.train.configs import TimbreExtensionTraining
from nuanced_speech.train.content_adapter import faster
from nuanced_speech.train.corpus import Utterance, pack_audio, read, shards_in, unpack_audio
from nuanced_speech.train.shards import files_setting, keep_settings
from nuanced_speech.voice.stock import nearest_stock_timbre

SPEEDS = (1.0, 0.88, 1.14)


@dataclass(frozen=True)
class MeasuredRecording:
    """A recording and what was measured on it.

    Attributes:
        recording, speed: which recording, and how much faster it is played.
        wave: ``[600 * T]`` at Kokoro's level.
        ids, durations: phonemes, ``[P]``, the durations of 25 ms summing to T.
        f0, energy: ``[2T]``, as the decoder takes them.
        timbre: ``[128]``, found by the surrogate.
        embeddings: of the whole, of the first half and of the second, ``[3, 256]``.
    """

    recording: int
    speed: float
    wave: Tensor
    ids: Tensor
    durations: Tensor
    f0: Tensor
    energy: Tensor
    timbre: Tensor
    embeddings: Tensor

    @property
    def units(self) -> int:
        return int(self.durations.sum())

    @property
    def log_f0(self) -> float:
        return float(self.f0[self.f0 > 0].log2().median())


def prepare(config: TimbreExtensionTraining) -> Path:
    """Analyse every recording at every speed, once; ``OUT/heard.safetensors``.

    Raises:
        UserError: no speech in the folder, or no voice in it; or other speech or settings than it was made with.
    """
    path = config.out / "heard.safetensors"
    config.out.mkdir(parents=True, exist_ok=True)
    keep_settings(config.out, settings(config), path.name, part="heard")
    if path.exists():
        return path
    encoder, surrogate = SpeakerEncoder(), TimbreSurrogate.load()
    rows: list[dict[str, Tensor]] = []
    for utterance in step_bar(read(config.speech), "analysing speakers"):
        versions = [_analyse(utterance, speed, encoder, config.passage_units) for speed in SPEEDS]
        if all(versions):
            # resampled again when it is read
            versions[0]["audio"] = pack_audio(utterance.audio)
            rows += versions
    if not rows:
        seconds = config.passage_units * SAMPLES_PER_UNIT / audio.SAMPLE_RATE
        raise UserError(f"{config.speech}: nothing with a voice in it that is {seconds:g} s long")
    pitch = torch.tensor([median_log_f0(row["f0"].numpy()) for row in rows])
    timbres = surrogate.find(torch.stack([row["embeddings"][0] for row in rows]), pitch)
    tensors = {f"{k}.{name}": value.contiguous() for k, row in enumerate(rows) for name, value in row.items()}
    with audio.replacing(path) as temporary:
        save_file(tensors | {"timbres": timbres}, temporary)
    return path


def settings(config: TimbreExtensionTraining) -> dict[str, str]:
    """All that shapes the passages: the speech, and the shortest recording that is taken."""
    return {"speech": files_setting(shards_in(config.speech)), "passage_units": str(config.passage_units)}


def _analyse(utterance: Utterance, speed: float, encoder: SpeakerEncoder, least_units: int) -> dict[str, Tensor]:
    """Tensors of a recording played faster; none if it holds too little voice."""
    durations = faster(utterance.durations, speed)
    wave = _at_speed(utterance.audio.numpy(), speed, int(durations.sum()))
    half = len(wave) // 2
    embeddings = [encoder.embed(x, audio.SAMPLE_RATE) for x in (wave, wave[:half], wave[half:])]
    f0 = track_f0(wave, audio.SAMPLE_RATE)
    present = [x for x in embeddings if x is not None]
    if len(present) < len(embeddings) or not f0.any() or int(durations.sum()) < least_units:
        return {}
    return {
        "speed": torch.tensor(speed),
        "ids": utterance.ids.to(torch.int16),
        "durations": durations.to(torch.int16),
        "f0": torch.from_numpy(f0),
        "energy": torch.from_numpy(energy(wave)) + ENERGY_OFFSET,
        "embeddings": torch.from_numpy(np.stack(present)),
    }


def _at_speed(wave: np.ndarray, speed: float, units: int) -> np.ndarray:
    """A recording played faster, at Kokoro's level and exactly so many units long."""
    wave = audio.resample(wave, round(audio.SAMPLE_RATE * speed), audio.SAMPLE_RATE)[: units * SAMPLES_PER_UNIT]
    wave = np.pad(wave, (0, units * SAMPLES_PER_UNIT - len(wave)))
    return wave * np.float32(gain_of(wave))


def load_speakers(path: Path) -> list[MeasuredRecording]:
    """All that ``prepare`` wrote, in order: a recording's speeds one after the other."""
    tensors = read_tensors(path, "prepared speakers", "remove it and prepare again")
    speakers, recording = list[MeasuredRecording](), -1
    for k, timbre in enumerate(tensors["timbres"]):
        if f"{k}.audio" in tensors:
            recorded, recording = unpack_audio(tensors[f"{k}.audio"]).numpy(), recording + 1
        ids, durations = (tensors[f"{k}.{name}"].long() for name in ("ids", "durations"))
        f0, loudness, embeddings = (tensors[f"{k}.{name}"] for name in ("f0", "energy", "embeddings"))
        speed = float(tensors[f"{k}.speed"])
        wave = torch.from_numpy(_at_speed(recorded, speed, int(durations.sum())))
        speakers.append(MeasuredRecording(recording, speed, wave, ids, durations, f0, loudness, timbre, embeddings))
    return speakers


class Passages:
    """Batches of passages of so many units, and their target speakers."""

    def __init__(self, kokoro: Kokoro, speakers: list[MeasuredRecording], device: str, units: int) -> None:
        self.speakers, self.device, self.units = speakers, device, units
        self.stock = [nearest_stock_timbre(s.timbre) for s in speakers]
        with torch.no_grad():
            self.contents = [kokoro.encode_content(s.ids.to(device)).half() for s in speakers]

    def draw(
        self, sources: list[int], targets: list[int], rng: np.random.Generator, part: int | None = None
    ) -> "Batch":
        """Random passages.

        Args:
            sources: speakers of the passages.
            targets: speakers whose voices they get, as many.
            rng: random numbers.
            part: embedding of the target that is known, 0 to 2; a random one if None.
        """
        rows = [self._row(source, target, rng, part) for source, target in zip(sources, targets, strict=True)]
        return Batch(*(torch.stack(column).to(self.device) for column in zip(*rows, strict=True)))

    def _row(self, one: int, other: int, rng: np.random.Generator, part: int | None) -> tuple[Tensor, ...]:
        source, target = self.speakers[one], self.speakers[other]
        start = int(rng.integers(source.units - self.units + 1))
        frames = slice(start * FRAMES_PER_UNIT, (start + self.units) * FRAMES_PER_UNIT)
        samples = slice(start * SAMPLES_PER_UNIT, (start + self.units) * SAMPLES_PER_UNIT)
        octaves = target.log_f0 - source.log_f0 if one != other else 0.0
        content = spread(self.contents[one][None], source.durations.to(self.device)[None])[0]
        return (
            content[:, start : start + self.units].float(),
            source.f0[frames] * 2**octaves,
            source.energy[frames],
            source.wave[samples],
            target.timbre,
            self.stock[other],
            target.embeddings[int(rng.integers(3)) if part is None else part],
            target.embeddings[0 if part is None else 2],
        )


@dataclass(frozen=True)
class Batch:
    """As the decoder takes them: ``content [B, 512, T]``, ``f0`` and ``energy [B, 2T]``, ``timbre [B, 128]`` and
    that of the stock voice nearest to it; recordings ``wave [B, 600 * T]``; embeddings ``known``, ``target [B, 256]``.
    """

    content: Tensor
    f0: Tensor
    energy: Tensor
    wave: Tensor
    timbre: Tensor
    stock: Tensor
    known: Tensor
    target: Tensor

    def rows(self, numbers: list[int]) -> "Batch":
        """Some rows of it."""
        return Batch(*(getattr(self, field.name)[numbers] for field in fields(self)))
