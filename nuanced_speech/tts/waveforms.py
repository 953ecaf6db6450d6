"""Recordings as one array of 16-bit samples on disk, from which crops are drawn without decoding anything again."""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.audio.gate import decibels
from nuanced_speech.audio.pcm import CORPUS_SCALE, from_int16, to_int16
from nuanced_speech.core.errors import UserError, reading
from nuanced_speech.core.progress import step_bar
from nuanced_speech.core.reading import read_object
from nuanced_speech.train.corpus import read_shard

log = logging.getLogger(__name__)

SAMPLES, INDEX = "waveforms.int16", "waveforms.json"
# One clip in so many is held out from training.
HELD_OUT_EVERY = 50
# dBFS below which a crop is silence, and how often another is drawn then.
QUIET_DB, DRAWS = -50.0, 8


@dataclass(frozen=True)
class Waveforms:
    """Clips one after another.

    Attributes:
        samples: int16 ``[all samples]``, mapped from disk.
        ends: where each clip ends ``[clips]``.
    """

    samples: np.ndarray
    ends: np.ndarray

    def clip(self, number: int) -> np.ndarray:
        """float32 ``[T]`` in [-1, 1]."""
        start = int(self.ends[number - 1]) if number else 0
        return from_int16(self.samples[start : int(self.ends[number])], CORPUS_SCALE)

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def held_out(self) -> list[int]:
        """Numbers of the clips that are not trained on."""
        return list(range(HELD_OUT_EVERY // 2, len(self), HELD_OUT_EVERY)) or [len(self) - 1]

    def crop(self, length: int, rng: np.random.Generator) -> np.ndarray:
        """A random crop ``[length]``, float32, of a clip that is not held out, with zeros after a shorter clip.

        Long clips are drawn more often. Where a crop is silence another is drawn, a few times at most.
        """
        kept_out = set(self.held_out) if len(self) > 1 else set()
        crop = np.zeros(length, np.float32)
        for _ in range(DRAWS):
            number = int(np.searchsorted(self.ends, rng.integers(int(self.ends[-1])), side="right"))
            if number in kept_out:
                continue
            first, last = (int(self.ends[number - 1]) if number else 0), int(self.ends[number])
            start = int(rng.integers(first, max(last - length, first) + 1))
            samples = from_int16(self.samples[start : min(start + length, last)], CORPUS_SCALE)
            crop = np.pad(samples, (0, length - len(samples)))
            if decibels(np.square(crop).mean(), 1e-12) > QUIET_DB:
                break
        return crop


def collect(folders: Sequence[Path], sample_rate: int, out: Path) -> Waveforms:
    """All recordings of folders, and what ``train corpus`` made there, at ``sample_rate``; kept in ``out``.

    Recordings that cannot be read are left out with a warning.

    Raises:
        UserError: nothing to train on, or another set of recordings kept in ``out``.
    """
    sources = [path for folder in folders for path in _sources(folder)]
    names = "\n".join(f"{path.resolve()} {path.stat().st_size}" for path in sources)
    key = f"{sample_rate} {hashlib.sha256(names.encode()).hexdigest()}"
    samples, index = out / SAMPLES, out / INDEX
    if index.is_file():
        return kept_waveforms(out, key)
    ends, total = [], 0
    with audio.replacing(samples) as temporary, temporary.open("wb") as file:
        for path in step_bar(sources, "reading recordings"):
            for wave in _waves(path, sample_rate):
                file.write(to_int16(wave, CORPUS_SCALE).tobytes())
                total += len(wave)
                ends.append(total)
        if not ends:
            raise UserError(f"{', '.join(map(str, folders))}: no recording that can be read")
    with audio.replacing(index) as temporary:
        temporary.write_text(json.dumps({"key": key, "ends": ends}))
    return kept_waveforms(out, key)


def kept_waveforms(out: Path, key: str) -> Waveforms:
    """What ``collect`` kept in a folder under a key.

    Raises:
        UserError: another key, or files that are damaged.
    """
    what, remedy = "an index of waveforms", "remove it, and the recordings are read again"
    kept = read_object(out / INDEX, what, remedy)
    if kept.get("key") != key:
        raise UserError(f"{out} holds the waveforms of other recordings: restore them or choose another folder")
    with reading(out / INDEX, what, remedy):
        samples, ends = np.memmap(out / SAMPLES, np.int16, "r"), np.array(kept["ends"])
        if ends.ndim != 1 or ends.dtype.kind != "i" or (np.diff(ends, prepend=0) < 0).any() or ends[-1] != len(samples):
            raise ValueError("it does not fit the samples")
    return Waveforms(samples, ends)


def _sources(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give folders of recordings or ones that 'train corpus' made")
    paths = sorted(folder.glob("shard-*.safetensors")) or audio.recordings_in(folder)
    if not paths:
        raise UserError(f"{folder}: no recordings (WAV, FLAC, OGG, MP3, M4A …) and no corpus in it")
    return paths


def _waves(path: Path, sample_rate: int) -> Iterator[np.ndarray]:
    if path.suffix == ".safetensors":
        for utterance in read_shard(path, ("audio",)):
            yield audio.resample(utterance.audio.numpy(), audio.SAMPLE_RATE, sample_rate)
        return
    try:
        yield audio.read(path, sample_rate)
    except UserError as error:
        log.warning("left out: %s", error)
