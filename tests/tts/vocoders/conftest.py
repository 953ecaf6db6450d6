"""Speech that the tests of vocoders share."""

import numpy as np
import pytest
import torch
from helpers import SAMPLE

from nuanced_speech import audio
from nuanced_speech.dsp.mel import MEL


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    return audio.read(SAMPLE, MEL.sample_rate)


@pytest.fixture(scope="module")
def piece(wave: np.ndarray) -> torch.Tensor:
    """``[2, 16 * 256]`` of speech."""
    start = 22050
    return torch.from_numpy(np.stack([wave[start : start + 4096], wave[2 * start : 2 * start + 4096]]))
