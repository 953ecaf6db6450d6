"""Speech that the tests of corpora share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tts.sounds import RATE

from nuanced_speech import audio
from nuanced_speech.tts.split import find_sounds


@pytest.fixture(scope="module")
def speech(clip: Path) -> np.ndarray:
    """The clip between its first and last sound."""
    wave = audio.read(clip, RATE)
    found = find_sounds(wave, RATE)
    return wave[round(found[0].start * RATE) : round(found[-1].end * RATE)]
