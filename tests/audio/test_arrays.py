"""Recordings that come as arrays."""

import numpy as np
import pytest
import torch

from nuanced_speech import Converter, Recording, audio
from nuanced_speech.core.errors import UserError

RATE = 16000
TONE = (0.5 * np.sin(np.arange(RATE) * 2 * np.pi * 200 / RATE)).astype(np.float32)


def test_a_float32_array_at_24_khz_stays_as_it_is() -> None:
    assert np.array_equal(audio.waveform(TONE, audio.SAMPLE_RATE), TONE)


def test_another_rate_is_resampled() -> None:
    wave = audio.waveform(TONE, RATE)
    assert wave.dtype == np.float32 and len(wave) == audio.SAMPLE_RATE
    expected = 0.5 * np.sin(np.arange(audio.SAMPLE_RATE) * 2 * np.pi * 200 / audio.SAMPLE_RATE)
    assert np.abs(wave - expected)[2000:-2000].max() < 0.01


@pytest.mark.parametrize("dtype", ["int16", "int32", "int8", "uint8"])
def test_whole_numbers_are_scaled(dtype: str) -> None:
    silence, scale = (128, 128) if dtype == "uint8" else (0, -int(np.iinfo(dtype).min))
    whole = np.round(TONE.astype(np.float64) * scale + silence).astype(dtype)
    wave = audio.waveform(whole, audio.SAMPLE_RATE)
    assert wave.dtype == np.float32 and np.abs(wave - TONE).max() <= 0.51 / scale + 1e-7


def test_channels_in_either_order_are_mixed_at_the_level_of_the_loudest() -> None:
    stereo = np.stack([TONE, np.zeros_like(TONE)])
    for array in (stereo, stereo.T, torch.from_numpy(stereo), stereo.tolist()):
        assert np.allclose(audio.waveform(array, audio.SAMPLE_RATE), TONE, atol=1e-7)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ([], "not empty"),
        (np.zeros((2, 0)), "not empty"),
        (np.zeros((100, 3000, 2)), "of shape"),
        (np.zeros((3000, 3000)), "of shape"),
        (0.5, "of shape"),
        (TONE[:100], "at least 0.1 s"),
        (np.where(np.arange(RATE) == 9, np.nan, TONE), "NaN"),
        (np.where(np.arange(RATE) == 9, 1e300, TONE.astype(float)), "infinite"),
        (TONE * 32768, "from -1 to 1"),
        ([1, 2, 3] * RATE, "int64"),
        (TONE > 0, "bool"),
        (TONE.astype(complex), "complex"),
        (["a"] * RATE, "type"),
        ([[1.0], [1.0, 2.0]], "no array of numbers"),
        (None, "type object"),
    ],
)
def test_what_is_no_recording_is_a_value_error_of_one_line(array: object, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        audio.waveform(array, audio.SAMPLE_RATE)
    assert isinstance(caught.value, ValueError) and "\n" not in str(caught.value)


@pytest.mark.parametrize("rate", [0, -16000, 16000.5, float("nan"), "16000", None, True, 10**9])
def test_a_sample_rate_that_is_none(rate: object) -> None:
    with pytest.raises(ValueError, match="sample_rate"):
        audio.waveform(TONE, rate)  # type: ignore[arg-type]


class Stopped(Exception):
    """Raised in place of the analysis."""


class Noting(Converter):
    """Notes the recording that it would analyse."""

    def _prepare(self, source, options, progress=None):  # type: ignore[no-untyped-def]
        self.source = source
        raise Stopped


def test_an_array_comes_with_its_rate_or_warns() -> None:
    converter = Noting()
    for source, rate in ((TONE, RATE), (Recording(TONE, RATE), None)):
        for method in (converter.convert, lambda *a, **b: list(converter.stream(*a, **b))):
            with pytest.raises(Stopped):
                method(source, sample_rate=rate)
            assert len(converter.source) == audio.SAMPLE_RATE
    with pytest.warns(DeprecationWarning, match="sample_rate"), pytest.raises(Stopped):
        converter.convert(TONE)
    assert np.array_equal(converter.source, TONE)
    with pytest.raises(Stopped):
        converter.convert("some.wav")
    assert converter.source == "some.wav"
