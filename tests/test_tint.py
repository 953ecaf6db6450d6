"""The colour of a voice, on real speech whose colour was changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nuanced_speech import audio
from nuanced_speech.convert import _Loudness
from nuanced_speech.prosody.balance import BANDS, _band_power, _stft, balance, band_hz, with_gains
from nuanced_speech.prosody.energy import energy
from nuanced_speech.speaker import SpeakerEncoder
from nuanced_speech.style.tint import Tint, find_tint


@pytest.fixture(scope="module")
def wave(clip: Path) -> np.ndarray:
    return audio.read(clip)


def test_a_voice_that_lost_its_colour_comes_nearer_to_its_own(encoder: SpeakerEncoder, wave: np.ndarray) -> None:
    own = torch.from_numpy(encoder.embed(wave, audio.SAMPLE_RATE))
    # as through a telephone that stresses 2 kHz
    strange = 8 * np.exp(-((np.log2(band_hz() / 2000)) ** 2)) - 8 * (band_hz() < 300)
    changed = with_gains(wave, lambda _: strange[None])
    tint = find_tint(encoder, changed, own)
    likenesses = [
        float(torch.from_numpy(encoder.embed(x, audio.SAMPLE_RATE)) @ own) for x in (changed, tint.give(changed))
    ]
    assert likenesses[1] > likenesses[0] + 0.03
    assert np.corrcoef(tint.gains.mean(0), -strange)[0, 1] > 0.3
    # it only colours
    assert tint.gains.abs().max() < 15
    assert tint.give(changed).shape == changed.shape


def test_dark_sounds_and_bright_ones_have_gains_of_their_own() -> None:
    time = np.arange(audio.SAMPLE_RATE) / audio.SAMPLE_RATE
    # half a second of 500 Hz, then half a second of 5 kHz, each with a little of the other
    late = time > 0.5
    low, high = (np.sin(2 * np.pi * hz * time) for hz in (500, 5000))
    wave = (np.where(late, 0.01, 1) * low + np.where(late, 1, 0.01) * high).astype(np.float32)
    gains = torch.zeros(2, BANDS)
    gains[1] = 6.0
    after, before = (_band_power(_stft(x)).sum(1) for x in (Tint(gains).give(wave), wave))
    gained = 10 * np.log10(after / before)
    assert gained[10] == pytest.approx(0, abs=0.1)
    assert gained[-10] == pytest.approx(6, abs=0.1)


def test_where_nothing_is_said_nothing_is_coloured(encoder: SpeakerEncoder) -> None:
    silence = np.zeros(4800, np.float32)
    tint = find_tint(encoder, silence, torch.ones(256) / 16)
    assert not tint.gains.any()
    assert not tint.give(silence).any()


def test_a_piece_and_what_is_mended_of_it_get_one_tint(encoder: SpeakerEncoder, wave: np.ndarray) -> None:
    changed = with_gains(wave, lambda _: -10.0 * (band_hz() < 700)[None])[: len(wave) // 600 * 600]
    own = torch.from_numpy(encoder.embed(wave, audio.SAMPLE_RATE))
    plain, like = (_Loudness(energy(changed), balance(changed), None, speaker, encoder) for speaker in (None, own))
    whole = slice(0, len(changed) // 300)
    spoken = [loudness.give(changed, whole) for loudness in (plain, like)]
    without, near = (float(torch.from_numpy(encoder.embed(x, audio.SAMPLE_RATE)) @ own) for x in spoken)
    assert near > without + 0.01
    found = like.tint
    part = like.give(changed[24_000:48_000], slice(80, 160))
    assert like.tint is found
    assert np.abs(part - spoken[1][24_000:48_000])[2400:-2400].max() < 0.1 * np.abs(part).max()
