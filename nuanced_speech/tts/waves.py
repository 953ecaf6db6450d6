"""Recordings as one long array on disk, for vocoders to draw random pieces from."""

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from nuanced_speech import audio
from nuanced_speech.errors import UserError
from nuanced_speech.prosody.f0 import f0 as track_f0
from nuanced_speech.train.corpus import read_shard
from nuanced_speech.tts.mel import MelConfig

log = logging.getLogger(__name__)
TRACKER_RATE = 80.0


@dataclass(frozen=True)
class Waves:
    """Utterances one after another, each cut to whole mel frames.

    Attributes:
        samples: int16 ``[total]``, a file mapped into memory.
        f0: float32 ``[total // hop_length]`` in Hz, one a mel frame, 0 where unvoiced.
        ends: int64 ``[utterances]``, the frame at which each utterance ends.
    """

    samples: np.ndarray
    f0: np.ndarray
    ends: np.ndarray

    def hours(self, config: MelConfig) -> float:
        """Of sound."""
        return len(self.samples) / config.sample_rate / 3600


def collect(folders: list[Path], config: MelConfig, cache: Path) -> Waves:
    """The utterances of folders: recordings searched to the bottom, or what ``train corpus`` and ``train real`` made.

    They are read once; afterwards the cache serves as long as the folders hold the same files.

    Raises:
        UserError: a folder without a recording, or none long enough.
    """
    files = [path for folder in folders for path in _files(folder)]
    listing = "\n".join(f"{path.resolve()} {path.stat().st_size}" for path in files)
    key = hashlib.sha256(f"{config}\n{listing}".encode()).hexdigest()[:16]
    samples_path, rest_path = cache / f"waves-{key}.i16", cache / f"waves-{key}.json"
    if not rest_path.exists():
        _write(files, config, samples_path, rest_path)
    ends = np.array(json.loads(rest_path.read_text())["ends"], dtype=np.int64)
    samples = np.memmap(samples_path, np.int16, "r")
    return Waves(samples, np.fromfile(samples_path.with_suffix(".f0"), np.float32), ends)


def frame_f0(wave: np.ndarray, frames: int, config: MelConfig) -> np.ndarray:
    """F0 in Hz ``[frames]`` in the middle of each mel frame, 0 where unvoiced."""
    curve = track_f0(wave, config.sample_rate)
    at = (np.arange(frames) + 0.5) * config.hop_length / config.sample_rate * TRACKER_RATE
    voiced = curve > 0
    if not voiced.any():
        return np.zeros(frames, np.float32)
    between = np.exp(np.interp(at, np.flatnonzero(voiced), np.log(curve[voiced])))
    nearest = np.minimum(np.round(at).astype(int), len(curve) - 1)
    return np.where(voiced[nearest], between, 0).astype(np.float32)


def _files(folder: Path) -> list[Path]:
    found = sorted(folder.glob("shard-*.safetensors")) or audio.recordings_in(folder)
    if not found:
        raise UserError(f"{folder}: no recordings there (looked for {', '.join(sorted(audio.SEARCHED_SUFFIXES))})")
    return found


def _write(files: list[Path], config: MelConfig, samples_path: Path, rest_path: Path) -> None:
    samples_path.parent.mkdir(parents=True, exist_ok=True)
    ends, total = [], 0
    curves = []
    with audio.replacing(samples_path) as temporary, temporary.open("wb") as file:
        for path in tqdm(files, "reading recordings"):
            for wave in _waves(path, config.sample_rate):
                frames = config.frames(len(wave))
                if frames == 0:
                    continue
                wave = wave[: frames * config.hop_length]
                curves.append(frame_f0(wave, frames, config))
                file.write((wave.clip(-1, 1) * 32767).astype(np.int16).tobytes())
                total += frames
                ends.append(total)
    if not ends:
        samples_path.unlink()
        raise UserError("none of the recordings could be read")
    with audio.replacing(samples_path.with_suffix(".f0")) as temporary:
        np.concatenate(curves).tofile(temporary)
    with audio.replacing(rest_path) as temporary:
        temporary.write_text(json.dumps({"ends": ends}))


def _waves(path: Path, sample_rate: int) -> Iterator[np.ndarray]:
    if path.suffix == ".safetensors":
        for spoken in read_shard(path, ("audio", "ids")):
            yield audio.resample(spoken.audio.numpy(), audio.SAMPLE_RATE, sample_rate)
        return
    try:
        yield audio.read(path, sample_rate)
    except UserError as error:
        log.warning("left out: %s", error)
