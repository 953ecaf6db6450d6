"""Metrics on cases whose answer is known beforehand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nuanced_speech.evaluate import metrics


def contour(frames: int = 200) -> np.ndarray:
    f0 = 150 * 2 ** (0.3 * np.sin(np.arange(frames) / 9))
    f0[::7] = 0
    return f0.astype(np.float32)


def test_f0_correlation_ignores_register_and_unvoiced_frames() -> None:
    f0 = contour()
    assert metrics.f0_correlation(f0, f0 * 2) == pytest.approx(1.0)
    # The logarithm of the inverse is the mirror image; on a linear scale this would not be exactly -1.
    mirrored = np.where(f0 > 0, 150**2 / np.maximum(f0, 1), 0)
    assert metrics.f0_correlation(f0, mirrored) == pytest.approx(-1.0)
    other = f0 * 2
    other[::3] = 0
    assert metrics.f0_correlation(f0, other) == pytest.approx(1.0)
    noise = np.random.default_rng(0).uniform(100, 200, 5000)
    assert abs(metrics.f0_correlation(contour(5000), noise)) < 0.1


def test_f0_rmse_cents() -> None:
    f0 = contour()
    assert metrics.f0_rmse_cents(f0, f0 * 2 ** (1 / 12)) == pytest.approx(100.0, abs=1e-3)
    alternating = f0 * np.where(np.arange(len(f0)) % 2 == 0, 2 ** (1 / 12), 2 ** (-1 / 12))
    assert metrics.f0_rmse_cents(f0, alternating) == pytest.approx(100.0, abs=1e-3)


def test_voicing_error() -> None:
    f0 = contour(210)
    other = f0.copy()
    other[1:22] = 0
    assert metrics.voicing_error(f0, other) == pytest.approx(18 / 210)
    assert metrics.voicing_error(f0, f0) == 0.0


def test_too_few_frames_is_nan() -> None:
    nine, ten = np.zeros(50), np.zeros(50)
    nine[:9], ten[:10] = np.arange(100, 109), np.arange(100, 110)
    assert np.isnan(metrics.f0_correlation(nine, nine)) and np.isnan(metrics.f0_rmse_cents(nine, nine))
    assert metrics.f0_correlation(ten, ten) == pytest.approx(1.0) and metrics.f0_rmse_cents(ten, ten) == 0.0
    assert np.isnan(metrics.energy_correlation(nine[:9], nine[:9]))
    assert np.isnan(metrics.voicing_error(nine[:9], nine[:9]))


def test_constant_contour_is_nan() -> None:
    assert np.isnan(metrics.f0_correlation(contour(), np.full(200, 123.4)))
    assert np.isnan(metrics.energy_correlation(contour(), np.full(200, -1.7)))


def test_energy_correlation_ignores_gain() -> None:
    n = np.random.default_rng(0).normal(size=300)
    assert metrics.energy_correlation(n, 0.5 * n + 3) == pytest.approx(1.0)
    assert metrics.energy_correlation(n, -n) == pytest.approx(-1.0)


def test_lengths_are_cropped_to_the_common_start() -> None:
    a, b = metrics.align_lengths(np.arange(5), np.arange(8))
    np.testing.assert_array_equal(a, b)
    assert len(a) == 5
    assert metrics.f0_correlation(contour(200), contour(230)) == pytest.approx(1.0)
    assert metrics.energy_correlation(contour(230), contour(200)) == pytest.approx(1.0)


def test_speaker_encoder_is_optional_and_not_imported_early() -> None:
    code = (
        "import sys; sys.modules['resemblyzer'] = None\n"
        "import numpy; from nuanced_speech.evaluate import metrics\n"
        "assert 'whisper' not in sys.modules and 'torch' not in sys.modules\n"
        "print(metrics.speaker_similarity(numpy.ones(24000), numpy.ones(24000), 24000))"
    )
    root = Path(metrics.__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "None"


def test_speaker_similarity() -> None:
    pytest.importorskip("resemblyzer", reason="needs the evaluate extra")
    time = np.arange(24000 * 4) / 24000
    rng = np.random.default_rng(0)

    def voice(f0: float, tilt: float) -> np.ndarray:
        phase = 2 * np.pi * f0 * (time + 0.002 * np.sin(2 * np.pi * 3 * time))
        wave = sum(np.sin(k * phase + rng.uniform(0, 6)) * k**-tilt for k in range(1, 20))
        return (0.1 * wave * (1 + 0.5 * np.sin(2 * np.pi * 4 * time))).astype(np.float32)

    low, high = voice(110, 1.0), voice(260, 0.3)
    near, far = metrics.speaker_similarity(low, low, 24000), metrics.speaker_similarity(low, high, 24000)
    assert near == pytest.approx(1.0, abs=1e-4)
    assert far is not None and far < 0.9
    assert np.isnan(metrics.speaker_similarity(low, np.zeros(24000, np.float32), 24000))
