"""Mel filter banks, against the ones that transformers has."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from helpers import ROOT
from transformers.audio_utils import hertz_to_mel as reference_mel
from transformers.audio_utils import mel_filter_bank

from nuanced_speech.dsp.mel import MEL, MelConfig, hertz_to_mel, mel_bank, mel_filters, mel_to_hertz, triangles


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize("norm", ["peak", "area"])
@pytest.mark.parametrize(
    "n_fft, bands, rate, low, high",
    [(1024, 80, 22050, 0.0, 8000.0), (400, 40, 16000, 0.0, 8000.0), (2048, 80, 24000, 50.0, 7600.0)],
)
def test_the_bank_is_the_one_of_transformers_to_the_last_bit(scale, norm, n_fft, bands, rate, low, high) -> None:  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = mel_filter_bank(
            n_fft // 2 + 1, bands, low, high, rate, "slaney" if norm == "area" else None, mel_scale=scale
        )
    assert np.array_equal(mel_filters(n_fft, bands, rate, low, high, scale, norm), reference.T.astype(np.float32))


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_the_scales_and_their_inverses(scale) -> None:  # type: ignore[no-untyped-def]
    hertz = np.array([0.0, 50.0, 999.0, 1000.0, 1001.0, 4321.0, 12000.0])
    np.testing.assert_array_equal(hertz_to_mel(hertz, scale), reference_mel(hertz, scale))
    np.testing.assert_allclose(mel_to_hertz(hertz_to_mel(hertz, scale), scale), hertz, rtol=1e-12)
    assert float(hertz_to_mel(440.0, scale)) == pytest.approx(float(reference_mel(440.0, scale)))


def test_means_have_weights_that_sum_to_one_and_no_empty_band() -> None:
    bank = mel_filters(256, 80, 24000, norm="mean")
    assert len(bank) < 80
    np.testing.assert_allclose(bank.sum(1), 1, rtol=1e-6)


def test_a_cached_bank_cannot_be_changed() -> None:
    bank = mel_filters(1024, 80, 22050)
    assert mel_filters(1024, 80, 22050) is bank
    with pytest.raises(ValueError, match="read-only"):
        bank[0, 0] = 1.0
    mel_bank(MEL)[0] = 1.0
    assert mel_bank(MEL)[0, 0] == 0


def test_a_bank_that_was_first_made_in_inference_mode_has_gradients() -> None:
    config = MelConfig(n_mels=33)
    with torch.inference_mode():
        mel_bank(config)
    magnitudes = torch.ones(513, 2, requires_grad=True)
    (mel_bank(config) @ magnitudes).sum().backward()
    assert magnitudes.grad is not None


def test_triangles_meet_at_half_height() -> None:
    bands = triangles(np.array([0.0, 2.0, 4.0, 6.0]), np.arange(7.0))
    np.testing.assert_allclose(bands, [[0, 0.5, 1, 0.5, 0, 0, 0], [0, 0, 0, 0.5, 1, 0.5, 0]])


def test_a_bank_needs_no_transformers() -> None:
    code = (
        "import sys; from nuanced_speech.dsp.mel import mel_bank; mel_bank();assert 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ, PYTHONPATH=str(ROOT)))
