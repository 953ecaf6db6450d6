"""Metrics on cases whose answer is known beforehand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nuanced_speech.evaluate import metrics


def edits(reference: str, hypothesis: str) -> tuple[int, int, int]:
    counts = metrics.count_edits(reference.split(), hypothesis.split())
    assert counts.reference_length == len(reference.split())
    return counts.substitutions, counts.deletions, counts.insertions


def plain_distance(reference: str, hypothesis: str) -> int:
    """The textbook recursion, row by row."""
    row = list(range(len(hypothesis) + 1))
    for i, a in enumerate(reference, 1):
        above, row = row, [i]
        for j, b in enumerate(hypothesis, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("a b c", "a b c", (0, 0, 0)),
        ("a b c", "a x c", (1, 0, 0)),
        ("a b c", "a c", (0, 1, 0)),
        ("a c", "a b c", (0, 0, 1)),
        ("a b c d", "x b d e", (1, 1, 1)),
        ("", "a b", (0, 0, 2)),
        ("a b", "", (0, 2, 0)),
        ("", "", (0, 0, 0)),
    ],
)
def test_edit_counts(reference: str, hypothesis: str, expected: tuple[int, int, int]) -> None:
    assert edits(reference, hypothesis) == expected


def test_edit_counts_agree_with_the_textbook_recursion() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        a, b = ("".join(rng.choice(list("abc"), rng.integers(0, 9))) for _ in range(2))
        counts = metrics.count_edits(a, b)
        assert counts.total == plain_distance(a, b), (a, b)
        assert min(counts.substitutions, counts.deletions, counts.insertions) >= 0
        assert counts.deletions - counts.insertions == len(a) - len(b)


def test_where_transcripts_differ_either_may_be_right() -> None:
    transcript, other = "if Carl to a case was suspected", "if called to the case is suspected"
    assert metrics.edits_from_either(transcript, other, "If called to a case is suspected.") == 0
    assert metrics.edits_from_either(transcript, other, "if cold to a case is suspected now") == 2
    assert metrics.edits_from_either(transcript, other, "") == 7
    assert metrics.edits_from_either("", "", "two words") == 2
    # a stretch is taken from one of them as a whole
    assert metrics.edits_from_either("we carl the", "we called a", "we carl a") == 1
    assert (
        metrics.edits_from_either(transcript, transcript, other)
        == metrics.word_errors(transcript, other).words.total
        == 3
    )


def test_word_errors_are_counted_after_normalisation() -> None:
    same = metrics.word_errors("Mr. Quilter can't pay twenty dollars, colour!", "mister quilter can not pay $20 color")
    assert (same.wer, same.cer) == (0.0, 0.0)
    one = metrics.word_errors("The cat sat on the mat.", "the cat sat on a mat")
    assert one.wer == pytest.approx(1 / 6)
    assert one.cer == pytest.approx(3 / 22)
    assert one.words == metrics.EditCounts(1, 0, 0, 6)


def test_other_languages() -> None:
    # The English normaliser would drop "um" as a hesitation; in German it is a word.
    assert metrics.word_errors("um acht Uhr", "acht Uhr", "de").wer == pytest.approx(1 / 3)
    assert metrics.word_errors("um acht Uhr", "acht Uhr").wer == 0.0
    japanese = metrics.word_errors("今日は晴れ。", "今日も晴れ", "ja")
    assert japanese.wer == japanese.cer == pytest.approx(1 / 5)


def test_empty_reference_stays_finite() -> None:
    assert metrics.word_errors("", "").wer == 0.0
    assert metrics.word_errors("", "two words").wer == 2.0


def test_pooling_weights_by_length() -> None:
    pooled = metrics.word_errors("one", "two") + metrics.word_errors("a b c d e f g h i", "a b c d e f g h i")
    assert pooled.wer == pytest.approx(0.1)


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
