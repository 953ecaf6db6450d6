"""Errors in words on cases whose answer is known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from nuanced_speech.text.word_errors import EditCounts, count_edits, edits_from_either, word_errors


def edits(reference: str, hypothesis: str) -> tuple[int, int, int]:
    counts = count_edits(reference.split(), hypothesis.split())
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
        counts = count_edits(a, b)
        assert counts.total == plain_distance(a, b), (a, b)
        assert min(counts.substitutions, counts.deletions, counts.insertions) >= 0
        assert counts.deletions - counts.insertions == len(a) - len(b)


def test_where_transcripts_differ_either_may_be_right() -> None:
    transcript, other = "if Carl to a case was suspected", "if called to the case is suspected"
    assert edits_from_either(transcript, other, "If called to a case is suspected.") == 0
    assert edits_from_either(transcript, other, "if cold to a case is suspected now") == 2
    assert edits_from_either(transcript, other, "") == 7
    assert edits_from_either("", "", "two words") == 2
    # a stretch is taken from one of them as a whole
    assert edits_from_either("we carl the", "we called a", "we carl a") == 1
    assert edits_from_either(transcript, transcript, other) == word_errors(transcript, other).words.total == 3


def test_word_errors_are_counted_after_normalisation() -> None:
    same = word_errors("Mr. Quilter can't pay twenty dollars, colour!", "mister quilter can not pay $20 color")
    assert (same.wer, same.cer) == (0.0, 0.0)
    one = word_errors("The cat sat on the mat.", "the cat sat on a mat")
    assert one.wer == pytest.approx(1 / 6)
    assert one.cer == pytest.approx(3 / 22)
    assert one.words == EditCounts(1, 0, 0, 6)


def test_other_languages() -> None:
    # The English normaliser would drop "um" as a hesitation; in German it is a word.
    assert word_errors("um acht Uhr", "acht Uhr", "de").wer == pytest.approx(1 / 3)
    assert word_errors("um acht Uhr", "acht Uhr").wer == 0.0
    japanese = word_errors("今日は晴れ。", "今日も晴れ", "ja")
    assert japanese.wer == japanese.cer == pytest.approx(1 / 5)


def test_empty_reference_stays_finite() -> None:
    assert word_errors("", "").wer == 0.0
    assert word_errors("", "two words").wer == 2.0


def test_pooling_weights_by_length() -> None:
    pooled = word_errors("one", "two") + word_errors("a b c d e f g h i", "a b c d e f g h i")
    assert pooled.wer == pytest.approx(0.1)
