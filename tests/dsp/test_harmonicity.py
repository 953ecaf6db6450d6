"""The harmonics-to-noise ratio of a voice."""

import numpy as np
import pytest

from nuanced_speech.core.constants import FRAME_RATE, SAMPLE_RATE
from nuanced_speech.dsp.harmonicity import HIGH, harmonics_to_noise


def pulses(hz: float) -> np.ndarray:
    """One second of ten harmonics."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    return np.sum([np.sin(2 * np.pi * hz * k * time) for k in range(1, 11)], axis=0)


@pytest.mark.parametrize("hz", [80.0, 120.0, 251.3, 400.0])
# where there is little noise, the highest of several lags has a little less of it
@pytest.mark.parametrize(("wanted", "near"), [(0.0, 1.0), (10.0, 2.0), (20.0, 4.0)])
def test_the_ratio_of_harmonics_and_white_noise_is_found(hz: float, wanted: float, near: float) -> None:
    wave = pulses(hz)
    noise = np.random.default_rng(0).standard_normal(len(wave))
    noise *= wave.std() / noise.std() / 10 ** (wanted / 20)
    ratio = harmonics_to_noise(wave + noise, SAMPLE_RATE, np.full(FRAME_RATE, hz))
    assert ratio == pytest.approx(wanted, abs=near)


def test_pure_harmonics_noise_silence_and_no_voice() -> None:
    voiced = np.full(FRAME_RATE, 120.0)
    assert 30 < harmonics_to_noise(pulses(120.0), SAMPLE_RATE, voiced) <= HIGH
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE)
    assert harmonics_to_noise(noise, SAMPLE_RATE, voiced) < 0
    assert np.isnan(harmonics_to_noise(np.zeros(SAMPLE_RATE), SAMPLE_RATE, voiced))
    assert np.isnan(harmonics_to_noise(noise, SAMPLE_RATE, np.zeros(FRAME_RATE)))
