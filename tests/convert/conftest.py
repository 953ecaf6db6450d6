"""Speech that the tests of conversions share."""

from pathlib import Path

import numpy as np
import pytest

from nuanced_speech import audio


@pytest.fixture(scope="module")
def wave(clip: Path) -> np.ndarray:
    return audio.read(clip)
