"""Octave octave_drops are found, and replaced by a rendering that has none, and by no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import DATA

from nuanced_speech import audio
from nuanced_speech.analysis.content import ContentEstimator
from nuanced_speech.convert.converter import Converter
from nuanced_speech.core.constants import ENERGY_OFFSET, SAMPLE_RATE
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.dsp.loudness import low_cut
from nuanced_speech.dsp.octave_repair import affected_stretches, octave_drops, repair_octaves
from nuanced_speech.synthesis.target_voice import TargetVoice

# Three seconds, a voice from 0.5 to 1 s and from 1.5 to 2.5 s.
UNITS = 120
WANTED = np.zeros(2 * UNITS)
WANTED[40:80], WANTED[120:200] = 180.0, 220.0


def harmonics(f0: np.ndarray) -> np.ndarray:
    """A buzz with a melody, as long as the melody."""
    slow = np.repeat(f0, 300)
    phase = 2 * np.pi * np.cumsum(slow) / SAMPLE_RATE
    wave = sum(np.sin(k * phase) / k for k in range(1, 20))
    return (0.1 * np.asarray(wave) * (slow > 0)).astype(np.float32)


def test_drops_are_found_where_both_are_voiced() -> None:
    measured = WANTED.copy()
    measured[150:160] /= 2
    measured[60:65] = 0
    measured[100:105] = 80
    low = octave_drops(WANTED, measured)
    assert np.flatnonzero(low).tolist() == list(range(150, 160))
    assert affected_stretches(low, WANTED) == [slice(120, 200)]
    low[:] = False
    low[150:152] = True
    assert affected_stretches(low, WANTED) == []


def test_the_first_timbre_that_does_not_drop_replaces_the_stretch() -> None:
    fallen = WANTED.copy()
    fallen[165:200] /= 2
    wave = harmonics(fallen)
    tried = []

    def speak(units: slice, timbre: torch.Tensor) -> np.ndarray:
        tried.append(float(timbre[0]))
        frames = slice(2 * units.start, 2 * units.stop)
        return harmonics((WANTED if timbre[0] > 0.5 else fallen)[frames])

    timbres = [torch.full((128,), share) for share in (0.3, 0.6, 1.0)]
    mended = repair_octaves(wave, WANTED, timbres, render=speak)
    assert len(tried) == 2 and np.allclose(tried, [0.3, 0.6])
    assert np.array_equal(mended[: 100 * 300], wave[: 100 * 300]) and len(mended) == len(wave)
    assert octave_drops(WANTED, f0(wave, SAMPLE_RATE)).sum() > 20
    assert octave_drops(WANTED, f0(mended, SAMPLE_RATE)).sum() == 0
    hopeless = repair_octaves(wave, WANTED, timbres[:1], render=speak)
    assert np.array_equal(hopeless, wave)


def test_a_sound_voice_is_left_alone() -> None:
    wave = harmonics(WANTED)

    def speak(_units: slice, _timbre: torch.Tensor) -> np.ndarray:
        raise AssertionError

    assert repair_octaves(wave, WANTED, [torch.zeros(128)], render=speak) is wave


@pytest.mark.slow
def test_a_creaky_voice_is_mended_in_a_conversion(clip: Path, converter: Converter) -> None:
    """A timbre that Kokoro cannot hold in this clip: found among random ones."""
    with torch.no_grad():
        wave = audio.read(clip)
        (heard,) = converter.analyzer(wave, gain=1.0, phonemes=True)
        content, energy = ContentEstimator(converter.models)(heard), heard.energy + ENERGY_OFFSET
        style = replace(heard.style, timbre=torch.from_numpy(np.load(DATA / "creaky_timbre.npy")).float())
        curves = (torch.from_numpy(curve).float()[None] for curve in (heard.f0, energy))
        plain = converter.models.kokoro.decode(content, *curves, style.timbre[None], seed=0)[0].numpy()
        plain = low_cut(plain)
        mended = converter.resynthesizer._decode(content, heard.f0, energy, style, TargetVoice.own(), 0).audio
    assert affected_stretches(octave_drops(heard.f0, f0(plain, SAMPLE_RATE)), heard.f0)
    assert not affected_stretches(octave_drops(heard.f0, f0(mended, SAMPLE_RATE)), heard.f0)
    assert len(mended) == len(plain) and np.mean(mended == plain) > 0.5
