"""Recordings as one array of 16-bit samples on disk, from which crops are drawn without decoding anything again."""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuanced_speech import audio
from nuanced_speech.core.errors import UserError
from nuanced_speech.core.progress import step_bar
from nuanced_speech.train.corpus import read_shard

log = logging.getLogger(__name__)
SAMPLES, INDEX = "waveforms.int16", "waveforms.json"
# One clip in so many is not trained on.
HELD_OUT_EVERY = 50
# A crop with less power than this has nothing to learn from.
QUIET_DB, DRAWS = -50.0, 8


@dataclass
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
        return self.samples[start : int(self.ends[number])].astype(np.float32) / 32767

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def held_out(self) -> list[int]:
        """Numbers of the clips that are not trained on."""
        return list(range(HELD_OUT_EVERY // 2, len(self), HELD_OUT_EVERY)) or [len(self) - 1]

    def crop(self, length: int, rng: np.random.Generator) -> np.ndarray:
        """A random stretch ``[length]`` of a clip that is trained on, silence after it where the clip is shorter.

        Long clips are drawn more often. Of silence another is drawn, within limits.
        """
        kept_out = set(self.held_out) if len(self) > 1 else set()
        crop = np.zeros(length, np.float32)
        for _ in range(DRAWS):
            number = int(np.searchsorted(self.ends, rng.integers(int(self.ends[-1])), side="right"))
            if number in kept_out:
                continue
            first, last = (int(self.ends[number - 1]) if number else 0), int(self.ends[number])
            start = int(rng.integers(first, max(last - length, first) + 1))
            piece = self.samples[start : min(start + length, last)].astype(np.float32) / 32767
            crop = np.pad(piece, (0, length - len(piece)))
            if 10 * np.log10(np.square(crop).mean() + 1e-12) > QUIET_DB:
                break
        return crop


def collect(folders: Sequence[Path], sample_rate: int, out: Path) -> Waveforms:
    """All recordings of folders, and what ``train corpus`` made there, at ``sample_rate``; kept in ``out``.

    What cannot be read is left out, and said.

    Raises:
        UserError: nothing to train on, or another set of recordings kept in ``out``.
    """
    sources = [path for folder in folders for path in _sources(folder)]
    names = "\n".join(f"{path.resolve()} {path.stat().st_size}" for path in sources)
    key = f"{sample_rate} {hashlib.sha256(names.encode()).hexdigest()}"
    samples, index = out / SAMPLES, out / INDEX
    if index.is_file():
        kept = json.loads(index.read_text())
        if kept["key"] != key:
            raise UserError(f"{out} holds the waveforms of other recordings: restore them or give another out folder")
    else:
        ends, total = [], 0
        with audio.replacing(samples) as temporary, temporary.open("wb") as file:
            for path in step_bar(sources, "reading recordings"):
                for wave in _waves(path, sample_rate):
                    file.write((wave.clip(-1, 1) * 32767).astype(np.int16).tobytes())
                    total += len(wave)
                    ends.append(total)
            if not ends:
                raise UserError(f"{', '.join(map(str, folders))}: no recording that can be read")
        with audio.replacing(index) as temporary:
            temporary.write_text(json.dumps({"key": key, "ends": ends}))
        kept = {"ends": ends}
    return Waveforms(np.memmap(samples, np.int16, "r"), np.array(kept["ends"]))


def _sources(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give folders of recordings or ones that 'train corpus' made")
    found = sorted(folder.glob("shard-*.safetensors")) or audio.recordings_in(folder)
    if not found:
        raise UserError(f"{folder}: no recordings (WAV, FLAC, OGG, MP3) and no corpus in it")
    return found


def _waves(path: Path, sample_rate: int) -> Iterator[np.ndarray]:
    if path.suffix == ".safetensors":
        for utterance in read_shard(path, ("audio",)):
            yield audio.resample(utterance.audio.numpy(), audio.SAMPLE_RATE, sample_rate)
        return
    try:
        yield audio.read(path, sample_rate)
    except UserError as error:
        log.warning("left out: %s", error)
