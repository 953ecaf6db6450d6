"""F0 of the recordings that a vocoder learns from, one value a mel frame."""

import hashlib
from pathlib import Path

import numpy as np

from nuanced_speech.core.constants import FRAME_RATE
from nuanced_speech.core.errors import reading
from nuanced_speech.core.files import replacing
from nuanced_speech.core.numpy_files import read_array
from nuanced_speech.core.progress import step_bar
from nuanced_speech.dsp.f0 import f0 as track_f0
from nuanced_speech.dsp.mel import MelConfig
from nuanced_speech.tts.waveforms import Waveforms

# Named by the digest of the recordings' ends, so that other recordings have another file.
FILE = "f0-{}.npy"


def melodies(recordings: Waveforms, config: MelConfig, cache: Path) -> list[np.ndarray]:
    """F0 in Hz of each recording, ``[frames]`` float32, 0 where unvoiced; computed once and kept in ``cache``."""
    frames = [config.frames(int(samples)) for samples in np.diff(recordings.ends, prepend=0)]
    ends = np.cumsum(frames)
    path = cache / FILE.format(hashlib.sha256(recordings.ends.tobytes()).hexdigest()[:16])
    if not path.exists():
        curves = [
            frame_f0(recordings.clip(number), frames[number], config)
            for number in step_bar(range(len(recordings)), "F0 of the recordings")
        ]
        with replacing(path) as temporary:
            np.save(temporary, np.concatenate(curves))
    what, remedy = "F0 of these recordings", "remove it, and it is computed again"
    curve = read_array(path, what, remedy)
    with reading(path, what, remedy):
        if curve.shape != (sum(frames),) or curve.dtype.kind != "f" or not np.isfinite(curve).all():
            raise ValueError("not a finite number a frame")
    return np.split(curve, ends[:-1])


def frame_f0(wave: np.ndarray, frames: int, config: MelConfig) -> np.ndarray:
    """F0 in Hz ``[frames]`` in the middle of each mel frame of ``wave [T]``, 0 where unvoiced."""
    curve = track_f0(wave, config.sample_rate)
    at = (np.arange(frames) + 0.5) * config.hop_length / config.sample_rate * FRAME_RATE
    voiced = curve > 0
    if not voiced.any():
        return np.zeros(frames, np.float32)
    between = np.exp(np.interp(at, np.flatnonzero(voiced), np.log(curve[voiced])))
    nearest = np.minimum(np.round(at).astype(int), len(curve) - 1)
    return np.where(voiced[nearest], between, 0).astype(np.float32)
