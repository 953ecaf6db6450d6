"""The log mel spectrum of long recordings is Whisper's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from whisper.audio import N_SAMPLES, log_mel_spectrogram

from nuanced_speech.models.whisper_spectrum import log_mel


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("samples", [16_000 * 20, 16_000 * 41 + 77, 333])
def test_it_is_whispers_own_to_the_last_bit(bands: int, samples: int) -> None:
    wave = (0.1 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)
    own = log_mel_spectrogram(wave, bands, padding=N_SAMPLES)
    for at_once in (1000, 1733, 60_000):
        assert torch.equal(log_mel(wave, bands, at_once), own)
