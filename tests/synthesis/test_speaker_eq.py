"""The colour of a voice, on real speech whose colour was changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nuanced_speech import audio
from nuanced_speech.dsp.spectral_balance import BANDS, _band_power, _stft, band_hz, with_gains
from nuanced_speech.models.speaker_encoder import SpeakerEncoder
from nuanced_speech.synthesis.speaker_eq import SPEAKER_EQ, SpeakerEq, _brightness, fit_speaker_eq


@pytest.fixture(scope="module")
def wave(clip: Path) -> np.ndarray:
    return audio.read(clip)


def test_a_voice_that_lost_its_colour_comes_nearer_to_its_own(encoder: SpeakerEncoder, wave: np.ndarray) -> None:
    own = torch.from_numpy(encoder.embed(wave, audio.SAMPLE_RATE))
    # as through a telephone that stresses 2 kHz
    strange = 8 * np.exp(-((np.log2(band_hz() / 2000)) ** 2)) - 8 * (band_hz() < 300)
    changed = with_gains(wave, lambda _: strange[None])
    equalizer = fit_speaker_eq(encoder, changed, own)
    assert equalizer is not None
    likenesses = [
        float(torch.from_numpy(encoder.embed(x, audio.SAMPLE_RATE)) @ own) for x in (changed, equalizer(changed))
    ]
    assert likenesses[1] > likenesses[0] + 0.03
    assert np.corrcoef(equalizer.gains.mean(0), -strange)[0, 1] > 0.3
    # it only colours
    assert equalizer.gains.abs().max() < 15
    assert equalizer(changed).shape == changed.shape


def test_dark_sounds_and_bright_ones_have_gains_of_their_own() -> None:
    time = np.arange(audio.SAMPLE_RATE) / audio.SAMPLE_RATE
    # half a second of 500 Hz, then half a second of 5 kHz, each with a little of the other
    late = time > 0.5
    low, high = (np.sin(2 * np.pi * hz * time) for hz in (500, 5000))
    wave = (np.where(late, 0.01, 1) * low + np.where(late, 1, 0.01) * high).astype(np.float32)
    gains = torch.zeros(2, BANDS)
    gains[1] = 6.0
    after, before = (_band_power(_stft(x)).sum(1) for x in (SpeakerEq(gains)(wave), wave))
    gained = 10 * np.log10(after / before)
    assert gained[10] == pytest.approx(0, abs=0.1)
    assert gained[-10] == pytest.approx(6, abs=0.1)


def test_sounds_are_as_bright_where_gains_are_sought_as_where_they_are_given(
    encoder: SpeakerEncoder, wave: np.ndarray
) -> None:
    mel = encoder.mel(torch.from_numpy(audio.resample(wave, audio.SAMPLE_RATE, audio.WHISPER_SAMPLE_RATE))[None])[0]
    sought = _brightness(encoder.energies(mel), encoder.centres, SPEAKER_EQ)[:, 0].numpy()
    given = _brightness(torch.from_numpy(_band_power(_stft(wave))), band_hz(), SPEAKER_EQ)[:, 0].numpy()
    # frames are 10 ms apart here and 12.5 there
    given = np.interp(np.arange(len(sought)) * 0.8, np.arange(len(given)), given)
    assert np.corrcoef(sought, given)[0, 1] > 0.9
    assert np.abs(sought - given).mean() < 0.1


def test_what_is_too_short_to_know_has_no_equaliser(encoder: SpeakerEncoder, wave: np.ndarray) -> None:
    speaker = torch.ones(256) / 16
    for short in (np.zeros(48_000, np.float32), wave[:24_000]):
        assert fit_speaker_eq(encoder, short, speaker) is None
    assert fit_speaker_eq(encoder, wave, speaker) is not None
