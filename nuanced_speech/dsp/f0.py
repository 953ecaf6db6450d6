"""F0 at 80 Hz, made for real recordings: hum, rumble, creak and telephone bands.

Three steps. SwiftF0 (``pitch_net``) scores every pitch in every 16 ms frame. Before that, the steady noise that the
pauses reveal is taken out of its spectra: mains hum is a perfect 60 Hz voice, and trackers that find it report
"octave errors" wherever the speaker's own pitch is near 120 Hz. After it, a Viterbi search chooses one path through
pitch and voicing, so that a frame or two of doubled or halved periods do not break the melody.
"""

import itertools
import math

import numpy as np
import torch
from torch import Tensor

from nuanced_speech.audio.io import SILENCE_DB
from nuanced_speech.audio.level import active_level_db
from nuanced_speech.audio.resampling import resample
from nuanced_speech.core.constants import FRAME_RATE
from nuanced_speech.core.constants import SAMPLE_RATE as DEFAULT_RATE
from nuanced_speech.dsp.frames import frame_count
from nuanced_speech.dsp.swift_f0 import (
    CONTEXT_FRAMES,
    HOP_LENGTH,
    N_PITCHES,
    PITCHES_HZ,
    SAMPLE_RATE,
    pitch_net,
    spectra,
)

CEILING_HZ = 1050.0

# The network's voicing depends on the level: speech is brought to this one (RMS, dBFS) first.
_LEVEL_DB = -20.0
# A frame this far below the speech is unvoiced, whatever the network scores.
_QUIET_DB = 55.0
# Frames of 16 ms: a minute.
BLOCK_FRAMES = 3750

# A frame is a pause when its 200 to 4000 Hz lie this far below the loud frames and near the quietest.
_PAUSE_BELOW_LOUD_DB = 15.0
_PAUSE_ABOVE_QUIET_DB = 3.0
_MIN_PAUSE_FRAMES = 10
# Power subtraction: twice the noise is removed, and a tenth of the magnitude always stays.
_OVER_SUBTRACTION = 2.0
_LEAST_GAIN = 0.1

# Viterbi costs in nats. A pitch step is 0.7 semitones; one step a frame is free.
_VOICING_BIAS = 0.5
_VOICING_CHANGE = 1.0
_PITCH_STEP = 0.5
_PITCH_JUMP = 10.0


def f0(wave: np.ndarray, sample_rate: int = DEFAULT_RATE, block_frames: int = BLOCK_FRAMES) -> np.ndarray:
    """Fundamental frequency of a voice.

    Args:
        wave: mono float32 ``[T]``; samples that are not finite count as silence.
        sample_rate: in Hz.
        block_frames: length of the blocks of 16 ms frames that are scored at a time.

    Returns:
        float32 ``[2 * ceil(T24k / 600)]`` in Hz, 80 frames a second, frame k centred at k * 12.5 ms, 0 where nothing
        is voiced. Voices from 47 to 1000 Hz; creak with slower pulses counts as unvoiced.

    Raises:
        ValueError: the waveform is not one-dimensional.
    """
    if np.ndim(wave) != 1:
        raise ValueError(f"f0 needs a mono waveform [T], got shape {np.shape(wave)}")
    frames = frame_count(len(wave), sample_rate)
    clean = np.nan_to_num(np.asarray(wave, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    clean = resample(clean, sample_rate, SAMPLE_RATE)
    level_db = active_level_db(clean, SAMPLE_RATE)
    if level_db < SILENCE_DB:
        return np.zeros(frames, dtype=np.float32)
    levelled = torch.from_numpy(np.array(clean * 10 ** ((_LEVEL_DB - level_db) / 20), dtype=np.float32))
    pitch, voicing = _scores(levelled, block_frames)
    path = _viterbi(*_costs(pitch, voicing))
    return _on_grid(_hertz(pitch, path), frames)


@torch.inference_mode()
def _scores(wave: Tensor, block_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Pitch scores ``[n, pitches up to CEILING_HZ]``, the best of all pitches having 0, and voicing logits ``[n]`` of a
    16 kHz waveform, in blocks: memory stays bounded, and each block learns its own noise."""
    net = pitch_net()
    total = len(wave) // HOP_LENGTH + 1
    # Blocks of equal length: a short last one could hold no pause to learn the noise from.
    edges = np.linspace(0, total, math.ceil(total / block_frames) + 1).round().astype(int)
    usable = int(np.searchsorted(PITCHES_HZ, CEILING_HZ))
    pitches, voicings = [], []
    for start, end in itertools.pairwise(edges):
        first, last = max(start - CONTEXT_FRAMES, 0), min(end + CONTEXT_FRAMES, total)
        magnitudes = spectra(wave, first, last)
        loudness = 10 * torch.log10(magnitudes[0].square().sum(0) / _FULL_SCALE_POWER + 1e-20)
        pitch, voicing = net(_without_steady_noise(magnitudes))
        voicing = torch.where(loudness < _LEVEL_DB - _QUIET_DB, -torch.inf, voicing)
        # hissing has its best pitch above the ceiling, so that its pitches below score little
        pitch = pitch - pitch.amax(1, keepdim=True)
        pitches.append(pitch[start - first : end - first, :usable].numpy())
        voicings.append(voicing[start - first : end - first].numpy())
    return np.concatenate(pitches), np.concatenate(voicings)


# Sum of the one-sided 1024-point power spectrum of a waveform with an RMS of 1, under a Hann window.
_FULL_SCALE_POWER = 1024 * 1024 * 3 / 8 / 2


def _without_steady_noise(magnitudes: list[Tensor]) -> list[Tensor]:
    """Spectra with the noise of the pauses subtracted; as they are where there is no pause."""
    n_fft = 2 * (len(magnitudes[0]) - 1)
    speech_band = magnitudes[0][round(200 * n_fft / SAMPLE_RATE) : round(4000 * n_fft / SAMPLE_RATE)]
    level = 10 * torch.log10(speech_band.square().sum(0) + 1e-12)
    quiet, loud = torch.quantile(level, torch.tensor([0.1, 0.95]))
    pause = level <= torch.minimum(quiet + _PAUSE_ABOVE_QUIET_DB, loud - _PAUSE_BELOW_LOUD_DB)
    if pause.sum() < _MIN_PAUSE_FRAMES:
        return magnitudes
    cleaned = []
    for magnitude in magnitudes:
        power = magnitude.square()
        noise = power[:, pause].mean(1, keepdim=True)
        gain = (1 - _OVER_SUBTRACTION * noise / (power + 1e-20)).clamp(min=_LEAST_GAIN**2).sqrt()
        cleaned.append(magnitude * gain)
    return cleaned


def _costs(pitch: np.ndarray, voicing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-scores ``[n, states]`` and transitions ``[states, states]``; the last state is "unvoiced".

    The best of all pitches scores what the voicing scores, so that many rivals for the pitch do not make a frame
    unvoiced; where it lies above the ceiling, those below score less.
    """
    count = pitch.shape[1]
    voicing = np.clip(voicing + _VOICING_BIAS, -30, 30)
    frame = np.empty((len(pitch), count + 1), dtype=np.float32)
    frame[:, :count] = pitch - np.logaddexp(0, -voicing)[:, None]
    frame[:, count] = -np.logaddexp(0, voicing)
    distance = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    change = np.full((count + 1, count + 1), -_VOICING_CHANGE, dtype=np.float32)
    change[:count, :count] = -np.minimum(_PITCH_STEP * np.maximum(distance - 1, 0), _PITCH_JUMP)
    change[count, count] = 0
    return frame, change


def _viterbi(frame: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The states ``[n]`` of the best-scoring path."""
    states = np.arange(frame.shape[1])
    came_from = np.zeros(frame.shape, dtype=np.uint8)
    best = frame[0].astype(np.float64)
    # From-states run along the rows, where argmax is quickest.
    into = change.T.astype(np.float64)
    for index in range(1, len(frame)):
        candidates = into + best
        came_from[index] = candidates.argmax(1)
        best = candidates[states, came_from[index]] + frame[index]
    path = np.empty(len(frame), dtype=int)
    path[-1] = best.argmax()
    for index in range(len(frame) - 1, 0, -1):
        path[index - 1] = came_from[index, path[index]]
    return path


def _hertz(pitch: np.ndarray, path: np.ndarray) -> np.ndarray:
    """The path in Hz ``[n]``, 0 where unvoiced: between the steps by the scores of the neighbouring ones."""
    count = pitch.shape[1]
    near = np.minimum(path, count - 1)[:, None] + np.arange(-1, 2)
    scores = np.take_along_axis(pitch, near.clip(0, count - 1), axis=1).astype(np.float64)
    scores[(near < 0) | (near >= count)] = -np.inf
    weight = np.exp(scores - scores.max(1, keepdims=True))
    log_hertz = (weight * np.log(PITCHES_HZ[near.clip(0, N_PITCHES - 1)])).sum(1) / weight.sum(1)
    return np.where(path < count, np.exp(log_hertz), 0.0)


def _on_grid(hertz: np.ndarray, frames: int) -> np.ndarray:
    """From 16 ms frames to ``[frames]`` of 12.5 ms: voicing from the nearest frame, log F0 interpolated."""
    position = np.arange(frames) / FRAME_RATE * SAMPLE_RATE / HOP_LENGTH
    position = np.minimum(position, len(hertz) - 1)
    left = np.floor(position).astype(int)
    right = np.minimum(left + 1, len(hertz) - 1)
    nearest = hertz[np.where(position - left < 0.5, left, right)]
    both = (hertz[left] > 0) & (hertz[right] > 0)
    part = position - left
    between = np.exp((1 - part) * np.log(np.maximum(hertz[left], 1)) + part * np.log(np.maximum(hertz[right], 1)))
    return np.where(both, between, nearest).astype(np.float32)
