"""F0 and energy against signals whose truth is known."""

import numpy as np
import pytest
import torch

from nuanced_speech.dsp import pitch_path
from nuanced_speech.dsp.energy import FLOOR, N_MELS, energy, energy_torch
from nuanced_speech.dsp.f0 import f0
from nuanced_speech.dsp.frames import frame_count
from nuanced_speech.dsp.swift_f0 import pitch_net, spectra

RATE = 24_000


def harmonic_voice(hertz: np.ndarray, sample_rate: int = RATE, level: float = 0.1) -> np.ndarray:
    """A buzzing voice, harmonics falling by 1/k up to 4 kHz, whose F0 is given sample by sample (0: silence)."""
    phase = 2 * np.pi * np.cumsum(hertz) / sample_rate
    wave = np.zeros(len(hertz))
    for number in range(1, 1 + int(4000 / max(hertz[hertz > 0].min(), 1))):
        wave += np.where((hertz > 0) & (number * hertz < 4000), np.sin(number * phase) / number, 0)
    return (wave * level / wave[hertz > 0].std()).astype(np.float32)


def cents(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    return 1200 * np.log2(got / want)


def truth(hertz: np.ndarray, frames: int, sample_rate: int = RATE) -> np.ndarray:
    return hertz[np.minimum((np.arange(frames) * sample_rate / 80).astype(int), len(hertz) - 1)]


@pytest.mark.parametrize("hertz", [50, 60, 85, 120, 200, 330, 500, 800, 1000])
def test_f0_of_a_steady_voice(hertz):
    wave = harmonic_voice(np.full(RATE, float(hertz)))
    curve = f0(wave, RATE)[8:-8]
    assert (curve > 0).all()
    # The network's pitches are 71 cents apart: the nearest one alone would not do.
    assert np.abs(cents(curve, hertz)).max() < 18


def test_f0_follows_a_glide_at_any_sample_rate():
    for rate in (16_000, 24_000, 44_100):
        hertz = np.geomspace(90, 360, 2 * rate)
        curve = f0(harmonic_voice(hertz, rate), rate)
        error = cents(curve[8:-8], truth(hertz, len(curve), rate)[8:-8])
        assert np.abs(error).max() < 40
        # A grid that is off by a frame would show as a bias of 15 cents.
        assert abs(np.median(error)) < 5


@pytest.mark.parametrize("hertz", [1200, 1500, 1900])
def test_what_sounds_higher_than_any_voice_is_none(hertz):
    """A whistle, or hissing that the network takes for one, has no pitch below the ceiling either."""
    time = np.arange(2 * RATE) / RATE
    wave = np.where(time > 1.2, 0.05 * np.sin(2 * np.pi * hertz * time), 0).astype(np.float32)
    wave[: int(0.8 * RATE)] = harmonic_voice(np.full(int(0.8 * RATE), 200.0))
    curve = f0(wave, RATE)
    assert (curve[8:56] > 0).all()
    assert not curve[100:].any()


def test_f0_starts_and_stops_with_the_voice():
    hertz = np.zeros(3 * RATE)
    hertz[RATE : 2 * RATE] = 150
    noise = 0.0005 * np.random.default_rng(0).standard_normal(len(hertz))
    voiced = f0(harmonic_voice(hertz) + noise.astype(np.float32), RATE) > 0
    assert not voiced[:75].any() and not voiced[165:].any()
    assert voiced[85:155].all()


@pytest.mark.parametrize("period_hertz", [70, 110])
def test_alternating_pulses_of_a_creaky_voice_are_no_octave_error(period_hertz):
    # Every second pulse weaker, periods uneven: the subharmonic an octave below is really there.
    rng = np.random.default_rng(1)
    wave = np.zeros(2 * RATE)
    time, index = 0.05, 0
    ringing = np.arange(600) / RATE
    response = sum(np.exp(-ringing * 400) * np.sin(2 * np.pi * formant * ringing) for formant in (500, 1500, 2500))
    while time < 1.95:
        start = int(time * RATE)
        wave[start : start + 600] += (1.0 if index % 2 else 0.8) * response[: len(wave) - start]
        time += (1 + 0.02 * rng.standard_normal()) / period_hertz
        index += 1
    wave *= 0.1 / wave.std()
    curve = f0(wave.astype(np.float32), RATE)[10:-10]
    assert (curve > 0).mean() > 0.8
    error = cents(curve[curve > 0], period_hertz)
    assert (np.abs(error) < 300).all()


def test_one_frame_an_octave_up_does_not_break_the_melody():
    pitch = np.full((20, 78), -8.0, dtype=np.float32)
    pitch[:, 30] = 0
    pitch[10, [30, 47]] = [-3, 0]
    voicing = np.full(20, 5.0, dtype=np.float32)
    voicing[:3] = -5
    path = pitch_path.best_path(*pitch_path.costs(pitch, voicing))
    assert (path[:3] == 78).all() and (path[3:] == 30).all()


def test_mains_hum_is_not_a_voice():
    hertz = np.zeros(3 * RATE)
    hertz[int(0.8 * RATE) : int(2.2 * RATE)] = 125
    time = np.arange(len(hertz)) / RATE
    hum = np.sin(2 * np.pi * 60 * time) + 0.3 * np.sin(2 * np.pi * 120 * time + 1)
    curve = f0((harmonic_voice(hertz) + 0.02 * hum / hum.std()).astype(np.float32), RATE)
    assert not curve[:60].any() and not curve[182:].any()
    assert np.abs(cents(curve[70:170], 125)).max() < 40


def test_noise_and_silence_have_no_f0():
    noise = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    assert (f0(0.1 * noise, RATE) > 0).mean() < 0.02
    assert not f0(1e-5 * noise, RATE).any()
    assert not f0(np.zeros(RATE, dtype=np.float32), RATE).any()


def test_f0_does_not_depend_on_level():
    wave = harmonic_voice(np.geomspace(100, 200, RATE))
    np.testing.assert_allclose(f0(wave, RATE), f0(0.01 * wave, RATE), rtol=1e-3)


def test_long_input_is_the_same_in_blocks():
    hertz = 150 * 2 ** (0.4 * np.sin(np.arange(4 * RATE) / RATE * 3))
    hertz[: RATE // 2] = 0
    hertz[2 * RATE : 2 * RATE + RATE // 2] = 0
    wave = harmonic_voice(hertz)
    whole = f0(wave, RATE)
    blocks = f0(wave, RATE, block_frames=100)
    assert ((whole > 0) != (blocks > 0)).mean() < 0.02
    both = (whole > 0) & (blocks > 0)
    assert np.abs(cents(blocks[both], whole[both])).max() < 20


def test_two_frames_for_each_begun_unit():
    for samples, frames in [(0, 0), (1, 2), (599, 2), (600, 2), (601, 4), (24_000, 80)]:
        wave = np.zeros(samples, dtype=np.float32)
        assert frame_count(samples) == frames
        assert f0(wave, RATE).shape == energy(wave).shape == (frames,)
        assert energy_torch(torch.zeros(3, samples)).shape == (3, frames)
    assert f0(harmonic_voice(np.full(1201, 200.0)), RATE).shape == (6,)
    assert f0(harmonic_voice(np.full(400, 200.0), 16_000), 16_000).shape == (2,)
    assert frame_count(44_100, 44_100) == 80


def test_samples_that_are_not_finite_count_as_silence():
    wave = harmonic_voice(np.full(RATE, 150.0))
    broken = wave.copy()
    broken[12_000:12_100] = np.nan
    broken[13_000] = np.inf
    assert np.isfinite(f0(broken, RATE)).all() and np.isfinite(energy(broken)).all()
    assert np.abs(cents(f0(broken, RATE)[8:30], 150)).max() < 35
    for measure in (f0, energy):
        with pytest.raises(ValueError, match="mono"):
            measure(np.zeros((2, 1000), dtype=np.float32))


def test_pitch_net_keeps_its_frames_when_cut():
    wave = torch.from_numpy(harmonic_voice(np.geomspace(80, 300, 32_000), 16_000))
    with torch.inference_mode():
        whole, voicing = pitch_net()(spectra(wave, 0, 126))
        part, part_voicing = pitch_net()(spectra(wave, 40, 90))
    torch.testing.assert_close(part[11:-11], whole[51:79], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(part_voicing[11:-11], voicing[51:79], rtol=1e-4, atol=1e-3)


def independent_energy(wave: np.ndarray) -> np.ndarray:
    """The definition, frame by frame in float64, with another package's mel bank."""
    from transformers.audio_utils import mel_filter_bank

    bank = mel_filter_bank(1025, 80, 0.0, 8000.0, 16_000, norm=None, mel_scale="htk")
    frames = 2 * -(-len(wave) // 600)
    padded = np.pad(np.pad(wave.astype(np.float64), (0, frames * 300 - len(wave))), 1024, mode="reflect")
    window = np.zeros(2048)
    window[424:1624] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1200) / 1200)
    rows = np.stack([padded[k * 300 : k * 300 + 2048] * window for k in range(frames)])
    mel = np.abs(np.fft.rfft(rows)) ** 2 @ bank
    return np.log(np.sqrt(np.sum((1e-5 + mel) ** 2, axis=1)))


def test_energy_is_the_definition():
    rng = np.random.default_rng(0)
    wave = (rng.standard_normal(10_000) * np.linspace(0, 0.3, 10_000)).astype(np.float32)
    wave[4000:6000] = 0
    np.testing.assert_allclose(energy(wave), independent_energy(wave), atol=1e-4)
    batch = torch.from_numpy(np.stack([wave, wave[::-1].copy()]))
    np.testing.assert_allclose(energy_torch(batch)[1].numpy(), independent_energy(wave[::-1]), atol=1e-4)


def test_energy_in_blocks_is_the_same():
    wave = 0.1 * np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    whole = energy(wave)
    np.testing.assert_allclose(energy(wave, block_frames=7), whole, atol=1e-5)


def test_energy_measures_the_level():
    wave = 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    np.testing.assert_allclose(energy(2 * wave) - energy(wave), 2 * np.log(2), atol=1e-3)
    np.testing.assert_allclose(energy(np.zeros(RATE, dtype=np.float32)), np.log(FLOOR * np.sqrt(N_MELS)), atol=1e-4)


def test_gradient_of_energy_reaches_the_wave():
    wave = 0.1 * torch.randn(2, 6000, generator=torch.Generator().manual_seed(0))
    wave[0, 2000:5000] = 0
    wave.requires_grad_()
    energy_torch(wave).sum().backward()
    assert torch.isfinite(wave.grad).all()
    assert (wave.grad[1].abs() > 0).all()
