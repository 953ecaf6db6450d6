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
from nuanced_speech.core.constants import SAMPLE_RATE as DEFAULT_RATE
from nuanced_speech.dsp.frames import frame_count
from nuanced_speech.dsp.pitch_path import (
    CEILING_HZ,
    CONTEXT_FRAMES,
    FULL_SCALE_POWER,
    HOP_LENGTH,
    LEAST_GAIN,
    LEVEL_DB,
    MIN_PAUSE_FRAMES,
    OVER_SUBTRACTION,
    PAUSE_ABOVE_QUIET_DB,
    PAUSE_BELOW_LOUD_DB,
    PITCHES_HZ,
    QUIET_DB,
    SAMPLE_RATE,
    best_path,
    costs,
    hertz,
    on_grid,
)
from nuanced_speech.dsp.swift_f0 import pitch_net, spectra

# Frames of 16 ms: a minute.
BLOCK_FRAMES = 3750


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
    levelled = torch.from_numpy(np.array(clean * 10 ** ((LEVEL_DB - level_db) / 20), dtype=np.float32))
    pitch, voicing = _scores(levelled, block_frames)
    path = best_path(*costs(pitch, voicing))
    return on_grid(hertz(pitch, path), frames)


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
        loudness = 10 * torch.log10(magnitudes[0].square().sum(0) / FULL_SCALE_POWER + 1e-20)
        pitch, voicing = net(_without_steady_noise(magnitudes))
        voicing = torch.where(loudness < LEVEL_DB - QUIET_DB, -torch.inf, voicing)
        # hissing has its best pitch above the ceiling, so that its pitches below score little
        pitch = pitch - pitch.amax(1, keepdim=True)
        pitches.append(pitch[start - first : end - first, :usable].numpy())
        voicings.append(voicing[start - first : end - first].numpy())
    return np.concatenate(pitches), np.concatenate(voicings)


def _without_steady_noise(magnitudes: list[Tensor]) -> list[Tensor]:
    """Spectra with the noise of the pauses subtracted; as they are where there is no pause."""
    n_fft = 2 * (len(magnitudes[0]) - 1)
    speech_band = magnitudes[0][round(200 * n_fft / SAMPLE_RATE) : round(4000 * n_fft / SAMPLE_RATE)]
    level = 10 * torch.log10(speech_band.square().sum(0) + 1e-12)
    quiet, loud = torch.quantile(level, torch.tensor([0.1, 0.95]))
    pause = level <= torch.minimum(quiet + PAUSE_ABOVE_QUIET_DB, loud - PAUSE_BELOW_LOUD_DB)
    if pause.sum() < MIN_PAUSE_FRAMES:
        return magnitudes
    cleaned = []
    for magnitude in magnitudes:
        power = magnitude.square()
        noise = power[:, pause].mean(1, keepdim=True)
        gain = (1 - OVER_SUBTRACTION * noise / (power + 1e-20)).clamp(min=LEAST_GAIN**2).sqrt()
        cleaned.append(magnitude * gain)
    return cleaned
