"""The smoothing kernel."""

from __future__ import annotations

import numpy as np

from nuanced_speech.dsp.smoothing import bell


def test_the_bell_sums_to_one_is_symmetric_and_has_no_zeros() -> None:
    for width in (1, 3, 7):
        kernel = bell(width)
        assert len(kernel) == width and kernel.min() > 0
        np.testing.assert_allclose(kernel.sum(), 1)
        np.testing.assert_allclose(kernel, kernel[::-1])
        assert kernel.argmax() == width // 2
