"""The colour of a voice, on real speech whose colour was changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nuanced_speech import audio
from nuanced_speech.adapt.speaker_eq import Tint, Tinting, _brightness, find_tint
from nuanced_speech.dsp.energy import energy
from nuanced_speech.dsp.spectral_balance import BANDS, _band_power, _stft, band_hz, measure_balance, with_gains
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.synthesis.resynthesizer import _Loudness


@pytest.fixture(scope="module")
def wave(clip: Path) -> np.ndarray:
    return audio.read(clip)


def test_a_voice_that_lost_its_colour_comes_nearer_to_its_own(encoder: SpeakerEncoder, wave: np.ndarray) -> None:
    own = torch.from_numpy(encoder.embed(wave, audio.SAMPLE_RATE))
    # as through a telephone that stresses 2 kHz
    strange = 8 * np.exp(-((np.log2(band_hz() / 2000)) ** 2)) - 8 * (band_hz() < 300)
    changed = with_gains(wave, lambda _: strange[None])
    tint = find_tint(encoder, changed, own)
    assert tint is not None
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


def test_sounds_are_as_bright_where_gains_are_sought_as_where_they_are_given(
    encoder: SpeakerEncoder, wave: np.ndarray
) -> None:
    mel = encoder.mel(torch.from_numpy(audio.resample(wave, audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE))[None])[0]
    sought = _brightness(encoder.energies(mel), encoder.centres)[:, 0].numpy()
    given = _brightness(torch.from_numpy(_band_power(_stft(wave))), band_hz())[:, 0].numpy()
    # frames are 10 ms apart here and 12.5 there
    given = np.interp(np.arange(len(sought)) * 0.8, np.arange(len(given)), given)
    assert np.corrcoef(sought, given)[0, 1] > 0.9
    assert np.abs(sought - given).mean() < 0.1


def test_what_is_too_short_to_know_keeps_its_colour(encoder: SpeakerEncoder, wave: np.ndarray) -> None:
    speaker = torch.ones(256) / 16
    for short in (np.zeros(48_000, np.float32), wave[:24_000]):
        tinting = Tinting(encoder, speaker)
        assert tinting.give(short, short) is short
    # what comes after is coloured, and all by one tint
    assert not np.array_equal(tinting.give(wave, wave), wave)
    found = tinting.tint
    assert found is not None
    tinting.give(wave[::-1].copy(), wave[::-1].copy())
    assert tinting.tint is found


def test_a_piece_and_what_is_mended_of_it_get_one_tint(encoder: SpeakerEncoder, wave: np.ndarray) -> None:
    changed = with_gains(wave, lambda _: -10.0 * (band_hz() < 700)[None])[: len(wave) // 600 * 600]
    own = torch.from_numpy(encoder.embed(wave, audio.SAMPLE_RATE))
    tinting = Tinting(encoder, own)
    plain, like = (_Loudness(energy(changed), measure_balance(changed), None, x) for x in (None, tinting))
    whole = slice(0, len(changed) // 300)
    spoken = [loudness.give(changed, whole) for loudness in (plain, like)]
    without, near = (float(torch.from_numpy(encoder.embed(x, audio.SAMPLE_RATE)) @ own) for x in spoken)
    assert near > without + 0.01
    found = tinting.tint
    part = like.give(changed[24_000:48_000], slice(80, 160))
    assert tinting.tint is found
    assert np.abs(part - spoken[1][24_000:48_000])[2400:-2400].max() < 0.1 * np.abs(part).max()
